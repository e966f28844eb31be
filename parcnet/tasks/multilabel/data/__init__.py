"""Images with several labels: a CSV file a split, or folders with a JSON file beside each image."""

from parcnet.tasks.multilabel.data.images import MultiLabelImages, has_labels, open_labels, open_splits

__all__ = ["MultiLabelImages", "has_labels", "open_labels", "open_splits"]
