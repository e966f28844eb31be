"""Semantic segmentation: one class per pixel."""

from parcnet.tasks.segmentation.loss import SegmentationLoss
from parcnet.tasks.segmentation.sliding_inference import SCALES, InferenceSettings, predict_log_probabilities
from parcnet.tasks.segmentation.upernet import Segmenter, segmenter, segmenter_of

__all__ = [
    "SCALES",
    "InferenceSettings",
    "SegmentationLoss",
    "Segmenter",
    "predict_log_probabilities",
    "segmenter",
    "segmenter_of",
]
