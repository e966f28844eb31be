"""Detection and instance segmentation: boxes, classes and masks of objects."""

from parcnet.tasks.detection.building import DETECTORS, build_detector, detector_of
from parcnet.tasks.detection.detector import Detector
from parcnet.tasks.detection.prediction import DetectedObjects, detected_objects

__all__ = ["DETECTORS", "DetectedObjects", "Detector", "build_detector", "detected_objects", "detector_of"]
