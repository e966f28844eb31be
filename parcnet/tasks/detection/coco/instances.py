"""The annotated objects of one image."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Instances:
    """The instances used in training, in px of the stored image, without crowds."""

    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    """(x1, y1, x2, y2), clipped to the image."""
    labels: list[int] = field(default_factory=list)
    segmentations: list[Any] = field(default_factory=list)
    """COCO's polygons or run lengths."""
    image_id: int = 0
    truth: list[dict[str, Any]] = field(default_factory=list)
    """The original annotations for COCO's metric: crowds included, boxes not clipped, classes from 0."""

    def __len__(self) -> int:
        return len(self.boxes)
