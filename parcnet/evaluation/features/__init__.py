"""Pooled features of images: extraction, files, nearest neighbours, and a linear probe."""

from parcnet.evaluation.features.extraction import Extraction, extract
from parcnet.evaluation.features.feature_files import Features, read_features
from parcnet.evaluation.features.linear_probe import linear_probe
from parcnet.evaluation.features.neighbours import knn_accuracy, nearest_images

__all__ = [
    "Extraction",
    "Features",
    "extract",
    "knn_accuracy",
    "linear_probe",
    "nearest_images",
    "read_features",
]
