"""Images with label maps."""

from parcnet.data.segmentation.augmentation import SegmentationEvaluation, SegmentationTraining
from parcnet.data.segmentation.folders import IGNORED, LabelMaps, has_label_maps, open_label_maps
from parcnet.data.segmentation.sizes import fitted_size

__all__ = [
    "IGNORED",
    "LabelMaps",
    "SegmentationEvaluation",
    "SegmentationTraining",
    "fitted_size",
    "has_label_maps",
    "open_label_maps",
]
