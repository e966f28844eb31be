"""Predictor + data -> metrics and predictions."""

from parcnet.evaluation.classification import Result, evaluate
from parcnet.evaluation.detection import DetectionResult, coco_statistics, evaluate_detection
from parcnet.evaluation.predict import Failure, Prediction, predict
from parcnet.evaluation.predictor import Predictor, torch_predictor

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
