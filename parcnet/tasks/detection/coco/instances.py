"""The annotated objects of one image."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Instances:
    """What can be learned from, in px of the image as it is stored; crowds are no objects and not among them."""

    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    """(x1, y1, x2, y2), inside the image."""
    labels: list[int] = field(default_factory=list)
    segmentations: list[Any] = field(default_factory=list)
    """COCO's polygons or run lengths."""
    image_id: int = 0
    truth: list[dict[str, Any]] = field(default_factory=list)
    """COCO's own annotations, crowds included and nothing clipped, with classes from 0: what the metric takes."""

    def __len__(self) -> int:
        return len(self.boxes)
