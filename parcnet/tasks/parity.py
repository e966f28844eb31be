"""Comparison of an exported file's outputs with its network's, on real images."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

TOLERANCE = {"fp32": 1e-3, "fp16": 5e-2, "int8": 1.0}
"""Precision -> largest error allowed, relative to the root mean square of the network's output."""
AGREEMENT = {
    "images": {"fp32": 1.0, "fp16": 0.95, "int8": 0.8},
    "pixels": {"fp32": 0.999, "fp16": 0.95, "int8": 0.8},
    "objects": {"fp32": 0.98, "fp16": 0.9, "int8": 0.5},
}
"""Fraction of the images, pixels or objects whose likeliest class must be unchanged.

Some of millions of pixels, and the lowest-scoring objects of a detector, are tied within rounding.
"""

_TINY = torch.finfo(torch.float32).tiny

Outputs = Callable[[Tensor], Sequence[Tensor]]


@dataclass(frozen=True, slots=True)
class Parity:
    """Differences between the outputs of a file and its network, over all images."""

    images: int
    maximum: float
    """Largest difference, relative to the root mean square of the network's output; of the worst output."""
    mean: float
    """Mean difference, likewise."""
    agreement: float | None
    """Fraction of images, pixels or objects with the same likeliest class; None for outputs that are not logits."""
    counted: str = "images"
    """What `agreement` counts, a key of `AGREEMENT`."""

    def worse_than(self, tolerance: float, agreement: float) -> str | None:
        """Why this exceeds the limits, or None."""
        if not self.maximum <= tolerance:
            return f"its outputs differ by up to {self.maximum:.2g} of their root mean square, more than {tolerance:g}"
        if self.agreement is not None and self.agreement < agreement:
            return f"{self.agreement:.1%} of the {self.counted} keep their class, fewer than {agreement:.1%}"
        return None

    def __str__(self) -> str:
        if self.counted == "objects" and self.agreement is None:
            return f"file and network detect no objects in {self.images} images: name a folder with objects by --images"
        of = "" if self.counted == "images" else f" of the {self.counted}"
        same = "" if self.agreement is None else f", same class for {self.agreement:.1%}{of}"
        return f"error at most {self.maximum:.2g}, {self.mean:.2g} on average{same} ({self.images} images)"


class _Difference:
    """Accumulates the differences of one output over images."""

    def __init__(self) -> None:
        self.largest = self.sum = self.squares = 0.0
        self.numbers = self.same = self.classified = 0

    def add(self, expected: Tensor, exported: Tensor) -> None:
        """Adds the outputs of a batch."""
        error = (expected.double() - exported.double()).abs()
        self.largest = max(self.largest, float(error.max().nan_to_num(math.inf)))
        self.sum += float(error.sum())
        self.squares += float(expected.double().square().sum())
        self.numbers += expected.numel()

    def add_classes(self, expected: Tensor, exported: Tensor) -> None:
        """Counts equal argmax classes of logits [B, K, ...]."""
        same = expected.argmax(1) == exported.argmax(1)
        self.same += int(same.sum())
        self.classified += same.numel()

    @property
    def scale(self) -> float:
        """Root mean square of the network's output."""
        return max((self.squares / self.numbers) ** 0.5, _TINY)


def compare(expected: Outputs, exported: Outputs, images: Tensor, batch: int, *, logits: bool) -> Parity:
    """Compares both on `images` [N, C, H, W], `batch` at a time, output by output.

    `logits`: whether the first output holds logits, of the image [N, K] or of every pixel [N, K, H, W].
    """
    differences: list[_Difference] = []
    for chunk in images.split(batch):
        pairs = [list(expected(chunk)), list(exported(chunk))]
        shapes = [[list(each.shape) for each in side] for side in pairs]
        if shapes[0] != shapes[1]:
            raise ValueError(f"the file returns {shapes[1]}, its network {shapes[0]}")
        differences = differences or [_Difference() for _ in pairs[0]]
        for difference, reference, returned in zip(differences, *pairs, strict=True):
            difference.add(reference, returned)
        if logits and pairs[0][0].shape[1] > 1:
            differences[0].add_classes(pairs[0][0], pairs[1][0])
        pixels = pairs[0][0].dim() > 2
    return Parity(
        len(images),
        max(each.largest / each.scale for each in differences),
        max(each.sum / each.numbers / each.scale for each in differences),
        differences[0].same / differences[0].classified if differences[0].classified else None,
        "pixels" if logits and pixels else "images",
    )
