"""What a detector is trained against."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from parcnet.tasks.detection.coco.masks import BoxedMasks


@dataclass(frozen=True, slots=True)
class Target:
    """The instances of one image, in px of the image as the network gets it."""

    boxes: Tensor
    """[N, 4] float32, x1 y1 x2 y2."""
    labels: Tensor
    """[N] int64, classes from 0."""
    masks: BoxedMasks

    def __len__(self) -> int:
        return len(self.labels)

    def tensors(self) -> dict[str, Tensor]:
        """As batches carry it between processes and devices."""
        return {
            "boxes": self.boxes,
            "labels": self.labels,
            "mask_pixels": self.masks.pixels,
            "mask_places": self.masks.places,
        }

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> "Target":
        """The inverse of `tensors`."""
        masks = BoxedMasks(tensors["mask_pixels"], tensors["mask_places"])
        return cls(tensors["boxes"], tensors["labels"], masks)
