"""Images with label maps, and their transforms."""

from parcnet.tasks.segmentation.data.augmentation import SegmentationEvaluation, SegmentationTraining
from parcnet.tasks.segmentation.data.folders import IGNORED, LabelMaps, has_label_maps, open_label_maps
from parcnet.tasks.segmentation.data.label_counts import check_labels, count_labels
from parcnet.tasks.segmentation.data.sizes import fitted_size

__all__ = [
    "IGNORED",
    "LabelMaps",
    "SegmentationEvaluation",
    "SegmentationTraining",
    "check_labels",
    "count_labels",
    "fitted_size",
    "has_label_maps",
    "open_label_maps",
]
