"""The predicted segmentation of an image, as text and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class PixelClasses:
    """A segmented image."""

    labels: NDArray[np.int64]
    """[H, W]: the likeliest class of each pixel."""
    pixels: dict[str, float]
    """Class -> fraction of the pixels, in descending order."""

    def lines(self) -> list[str]:
        return [f"{fraction:7.2%}  {name}" for name, fraction in self.pixels.items()]

    def to_dict(self) -> dict[str, Any]:
        return {"pixels": self.pixels}


def pixel_classes(probabilities: Tensor, classes: Sequence[str], top: int) -> PixelClasses:
    """The segmentation by log probabilities [K, H, W], with the pixel fractions of its `top` largest classes."""
    labels = probabilities.argmax(0).cpu()
    counts = labels.flatten().bincount(minlength=len(classes))
    order = [index for index in counts.argsort(descending=True).tolist() if counts[index]][:top]
    return PixelClasses(labels.numpy(), {classes[index]: int(counts[index]) / labels.numel() for index in order})
