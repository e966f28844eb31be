"""Multi-scale training: the image size of a step is a function of seed and step, so that it can be replayed."""

import torch.nn.functional as F
from torch import Tensor

from parcnet.data.device_seeds import Purpose
from parcnet.data.randomness import hashed

STEP = 32
"""Sides are multiples of this, the largest stride."""


def side_of(sizes: tuple[int, int], seed: int, step: int) -> int:
    """A random multiple of 32 px from sizes[0] to sizes[1], uniform and equal on every rank."""
    count = (sizes[1] - sizes[0]) // STEP + 1
    return sizes[0] + STEP * (hashed(seed, step, 0, Purpose.IMAGE_SIZE)[0] % count)


def resized(images: Tensor, side: int) -> Tensor:
    """Images [B, C, H, W] downsampled to [B, C, side, side], bilinear and antialiased; unchanged at equal size."""
    if tuple(images.shape[2:]) == (side, side):
        return images
    return F.interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)
