"""Multi-scale training: the side of a step's images is a function of seed and step, so it can be replayed."""

import torch.nn.functional as F
from torch import Tensor

from parcnet.data.device_seeds import Purpose
from parcnet.data.randomness import hashed

STEP = 32
"""Sides are multiples of it, so that every stage's map is whole."""


def side_of(sizes: tuple[int, int], seed: int, step: int) -> int:
    """One of the multiples of 32 px from sizes[0] to sizes[1], each as likely, the same on every rank."""
    count = (sizes[1] - sizes[0]) // STEP + 1
    return sizes[0] + STEP * (hashed(seed, step, 0, Purpose.IMAGE_SIZE)[0] % count)


def resized(images: Tensor, side: int) -> Tensor:
    """Images [B, C, H, W] made smaller to [B, C, side, side], bilinear, antialiased; equal sides change nothing."""
    if tuple(images.shape[2:]) == (side, side):
        return images
    return F.interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)
