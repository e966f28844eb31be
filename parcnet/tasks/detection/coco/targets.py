"""Training targets of a detector."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from parcnet.tasks.detection.coco.masks import CroppedMasks


@dataclass(frozen=True, slots=True)
class Target:
    """The instances of one image, in px of the network's input."""

    boxes: Tensor
    """[N, 4] float32, x1 y1 x2 y2."""
    labels: Tensor
    """[N] int64, classes from 0."""
    masks: CroppedMasks

    def __len__(self) -> int:
        return len(self.labels)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors that a batch carries."""
        return {
            "boxes": self.boxes,
            "labels": self.labels,
            "mask_pixels": self.masks.pixels,
            "mask_boxes": self.masks.boxes,
        }

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> "Target":
        """The inverse of `tensors`."""
        masks = CroppedMasks(tensors["mask_pixels"], tensors["mask_boxes"])
        return cls(tensors["boxes"], tensors["labels"], masks)
