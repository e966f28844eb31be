"""Predictor + data -> metrics and predictions."""

from parcnet.evaluation.classification import Result, evaluate
from parcnet.evaluation.predict import Failure, Prediction, predict
from parcnet.evaluation.predictor import Predictor, torch_predictor

__all__ = ["Failure", "Prediction", "Predictor", "Result", "evaluate", "predict", "torch_predictor"]
