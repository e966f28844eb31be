"""What a network makes of images before its classifier: features kept in files, and what they are good for."""

from parcnet.evaluation.features.extract import Extraction, extract
from parcnet.evaluation.features.files import Features, read_features
from parcnet.evaluation.features.neighbours import knn_accuracy, nearest_images
from parcnet.evaluation.features.probe import linear_probe

__all__ = [
    "Extraction",
    "Features",
    "extract",
    "knn_accuracy",
    "linear_probe",
    "nearest_images",
    "read_features",
]
