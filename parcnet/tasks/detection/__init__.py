"""Detection and instance segmentation: a backbone's maps, a pyramid over them, proposals, boxes and masks."""

from parcnet.tasks.detection.building import DETECTORS, build_detector, detector_of
from parcnet.tasks.detection.decoding import Found, found_in
from parcnet.tasks.detection.detector import Detector

__all__ = ["DETECTORS", "Detector", "Found", "build_detector", "detector_of", "found_in"]
