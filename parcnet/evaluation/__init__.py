"""Predictor + data -> metrics and predictions, for any task."""

from parcnet.evaluation.batches import evaluation_batches
from parcnet.evaluation.predict import PredictedImage, UnreadableImage, predict
from parcnet.tasks.predictor import Predictor, torch_predictor

__all__ = [
    "PredictedImage",
    "Predictor",
    "UnreadableImage",
    "evaluation_batches",
    "predict",
    "torch_predictor",
]
