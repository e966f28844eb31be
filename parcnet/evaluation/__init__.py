"""Predictor + data -> metrics and predictions."""

from parcnet.tasks.classification.metrics import Result, evaluate
from parcnet.tasks.detection.metrics import DetectionResult, coco_statistics, evaluate_detection
from parcnet.tasks.classification.prediction import Failure, Prediction, predict
from parcnet.tasks.predictor import Predictor, torch_predictor

__all__ = [
    "DetectionResult",
    "Failure",
    "Prediction",
    "Predictor",
    "Result",
    "coco_statistics",
    "evaluate",
    "evaluate_detection",
    "predict",
    "torch_predictor",
]
