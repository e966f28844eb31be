"""Semantic segmentation: a class for every pixel."""

from parcnet.tasks.segmentation.loss import SegmentationLoss
from parcnet.tasks.segmentation.sliding_inference import SCALES, Looks, look
from parcnet.tasks.segmentation.upernet import Segmenter, segmenter, segmenter_of

__all__ = ["SCALES", "Looks", "SegmentationLoss", "Segmenter", "look", "segmenter", "segmenter_of"]
