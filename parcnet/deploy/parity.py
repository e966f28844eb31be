"""Whether an exported file says what its network says, on real images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

TOLERANCE = {"fp32": 1e-3, "fp16": 5e-2, "int8": 1.0}
"""Largest error allowed, over the root mean square of the network's output, by precision."""
AGREEMENT = {"fp32": 1.0, "fp16": 0.95, "int8": 0.8}
"""Share of the images that must keep their likeliest class, where the classes are not tied within the tolerance."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Differences between a file's outputs and its network's, over all images."""

    images: int
    maximum: float
    """Largest difference, over the root mean square of the network's output; the worst output counts."""
    mean: float
    """Mean difference, likewise."""
    agreement: float | None
    """Share of the images whose likeliest class is the same; None for outputs that are no logits."""

    def worse_than(self, tolerance: float, agreement: float) -> str | None:
        """Why this is not good enough, in words, or None."""
        if not self.maximum <= tolerance:  # also for NaN
            return f"its outputs differ by up to {self.maximum:.2g} of their root mean square, more than {tolerance:g}"
        if self.agreement is not None and self.agreement < agreement:
            return f"it takes {self.agreement:.1%} of the images for the same class, fewer than {agreement:.0%}"
        return None

    def __str__(self) -> str:
        same = "" if self.agreement is None else f", same class for {self.agreement:.1%}"
        return f"error at most {self.maximum:.2g}, {self.mean:.2g} on average{same} ({self.images} images)"


def compare(
    wanted: Callable[[Tensor], Sequence[Tensor]], got: Callable[[Tensor], Sequence[Tensor]], images: Tensor, batch: int
) -> Parity:
    """Both on `images` [N, C, H, W], so many at a time. Outputs are told apart by their place."""
    pairs = [(wanted(chunk), got(chunk)) for chunk in images.split(batch)]
    expected, found = (
        [torch.cat(parts).double() for parts in zip(*side, strict=True)] for side in zip(*pairs, strict=True)
    )
    if [each.shape for each in expected] != [each.shape for each in found]:
        shapes = [[list(each.shape) for each in side] for side in (expected, found)]
        raise ValueError(f"the file returns {shapes[1]}, its network {shapes[0]}")
    scales = [each.square().mean().sqrt().clamp_min(torch.finfo(torch.float32).tiny) for each in expected]
    errors = [(a - b).abs() / scale for a, b, scale in zip(expected, found, scales, strict=True)]
    agreement = None
    if len(expected) == 1 and expected[0].dim() == 2 and expected[0].shape[1] > 1:
        agreement = float((expected[0].argmax(1) == found[0].argmax(1)).double().mean())
    return Parity(len(images), max(float(e.max()) for e in errors), max(float(e.mean()) for e in errors), agreement)
