"""How a segmenter looks at a whole image: at once or through windows, at one scale or several, mirrored or not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from parcnet.tasks.segmentation.data import fitted_size

Predictor = Callable[[Tensor], Tensor]

SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
"""Of the published multi-scale test."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Which views of an image are averaged."""

    resize_to: tuple[int, int] = (512, 2048)
    """At scale 1 the image is resized, shape kept, to the largest with at most this short and long side, px."""
    inference: Literal["whole", "slide"] = "slide"
    window: tuple[int, int] = (512, 512)
    """Height and width in px."""
    stride: tuple[int, int] = (341, 341)
    """From one window to the next, px."""
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    """Each scale also mirrored left to right."""


def look(predictor: Predictor, image: Tensor, looks: Looks, size: tuple[int, int]) -> Tensor:
    """One image [C, H, W] of any size -> log probabilities [K, *size], the mean of the probabilities of all views.

    The predictor takes images [1, C, h, w] to logits [1, K, h, w]. Each view is made from the image itself, and its
    logits are resized to `size`, bilinear, before the softmax. Windows are averaged as logits.
    """
    total: Tensor | None = None
    views = 0
    for scale in looks.scales:
        fitting = fitted_size((image.shape[-2], image.shape[-1]), looks.resize_to, scale)
        scaled = F.interpolate(image[None], fitting, mode="bilinear", align_corners=False, antialias=True)
        for mirrored in (False, True) if looks.flip else (False,):
            view = scaled.flip(-1) if mirrored else scaled
            logits = _logits(predictor, view, looks).float()
            logits = logits.flip(-1) if mirrored else logits
            logits = F.interpolate(logits, size, mode="bilinear", align_corners=False)
            shares = logits.softmax(1)
            total = shares if total is None else total + shares
            views += 1
    assert total is not None, "no scale"
    return (total[0] / views).clamp_min(torch.finfo(torch.float32).tiny).log()


def windows(size: tuple[int, int], window: tuple[int, int], stride: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """(top, left, bottom, right) of the windows over a map of `size`: the last of a row or column is moved inside."""
    height, width = size
    places = []
    for top in range(0, max(height - window[0] + stride[0] - 1, 0) // stride[0] * stride[0] + 1, stride[0]):
        for left in range(0, max(width - window[1] + stride[1] - 1, 0) // stride[1] * stride[1] + 1, stride[1]):
            bottom, right = min(top + window[0], height), min(left + window[1], width)
            places.append((max(bottom - window[0], 0), max(right - window[1], 0), bottom, right))
    return places


def _logits(predictor: Predictor, image: Tensor, looks: Looks) -> Tensor:
    """[1, C, H, W] -> [1, K, H, W], on whatever device the predictor answers."""
    if looks.inference == "whole":
        return predictor(image)
    size = (image.shape[-2], image.shape[-1])
    total: Tensor | None = None
    seen: Tensor | None = None
    for top, left, bottom, right in windows(size, looks.window, looks.stride):
        part = predictor(image[..., top:bottom, left:right]).float()
        if total is None or seen is None:
            total = part.new_zeros((1, part.shape[1], *size))
            seen = part.new_zeros((1, 1, *size))
        total[..., top:bottom, left:right] += part
        seen[..., top:bottom, left:right] += 1
    assert total is not None
    assert seen is not None
    return total / seen
