"""Inference on whole images: directly or in overlapping windows, at one or several scales, optionally mirrored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from parcnet.base import UserError
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.segmentation.data import fitted_size

LARGEST_SIDE, MOST_SCALES = 16_384, 32
"""Bounds on the settings of a file: px, and factors."""
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
"""Scales of the published multi-scale evaluation."""


@dataclass(frozen=True, slots=True)
class InferenceSettings:
    """Resizing, windows and the views (scales, mirroring) that are averaged."""

    resize_to: tuple[int, int] = (512, 2048)
    """Largest short and long side in px at scale 1; the aspect ratio is kept."""
    inference: Literal["whole", "slide"] = "slide"
    window: tuple[int, int] = (512, 512)
    """Height and width of the windows in px."""
    stride: tuple[int, int] = (341, 341)
    """Vertical and horizontal stride of the windows in px."""
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    """Whether to add a mirrored view at each scale."""
    box: tuple[int, int] | None = None
    """(H, W) in px that the resized image must fit into, instead of `resize_to`; None: not used."""

    def __post_init__(self) -> None:
        pairs: dict[str, Any] = {"resize_to": self.resize_to, "window": self.window, "stride": self.stride}
        if self.box is not None:
            pairs["box"] = self.box
        for name, pair in pairs.items():
            kinds = isinstance(pair, tuple) and len(pair) == 2 and all(type(side) is int for side in pair)
            if not kinds or not all(1 <= side <= LARGEST_SIDE for side in pair):
                raise UserError(f"{name} is {pair!r}; expected two sides of 1 to {LARGEST_SIDE} px.")
        if any(step > side for step, side in zip(self.stride, self.window, strict=True)):
            raise UserError(f"stride is {self.stride}; expected at most the window, {self.window}.")
        if self.inference not in ("whole", "slide"):
            raise UserError(f"inference is {self.inference!r}; expected whole or slide.")
        several = isinstance(self.scales, tuple) and 1 <= len(self.scales) <= MOST_SCALES
        if not several or not all(isinstance(each, int | float) and 0.05 <= each <= 20 for each in self.scales):
            raise UserError(f"scales are {self.scales!r}; expected 1 to {MOST_SCALES} factors from 0.05 to 20.")
        if not isinstance(self.flip, bool):
            raise UserError(f"flip is {self.flip!r}; expected true or false.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "InferenceSettings":
        """From the JSON values of a checkpoint. Raises TypeError for unknown fields."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**fields)

    def view_size(self, size: tuple[int, int], scale: float) -> tuple[int, int]:
        """(H, W) of the resized image of `size` at one scale."""
        if self.box is None:
            return fitted_size(size, self.resize_to, scale)
        factor = min(side / own for side, own in zip(self.box, size, strict=True))
        short, long = sorted(round(side * factor) for side in size)
        return fitted_size(size, (short, long), scale)


def predict_log_probabilities(
    predictor: Predictor, image: Tensor, settings: InferenceSettings, size: tuple[int, int]
) -> Tensor:
    """One image [C, H, W] of any size -> log of the class probabilities [K, *size], averaged over all views.

    The predictor maps images [1, C, h, w] to logits [1, K, h, w]. Each view is resized from the original image; its
    logits are averaged over windows and resized to `size`, bilinear, before the softmax.
    """
    total: Tensor | None = None
    views = 0
    for scale in settings.scales:
        resized = settings.view_size((image.shape[-2], image.shape[-1]), scale)
        scaled = F.interpolate(image[None], resized, mode="bilinear", align_corners=False, antialias=True)
        for mirrored in (False, True) if settings.flip else (False,):
            view = scaled.flip(-1) if mirrored else scaled
            logits = _logits(predictor, view, settings).float()
            logits = logits.flip(-1) if mirrored else logits
            logits = F.interpolate(logits, size, mode="bilinear", align_corners=False)
            probabilities = logits.softmax(1)
            total = probabilities if total is None else total + probabilities
            views += 1
    assert total is not None, "there are no scales"
    return (total[0] / views).clamp_min(torch.finfo(torch.float32).tiny).log()


def windows(size: tuple[int, int], window: tuple[int, int], stride: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """(top, left, bottom, right) of windows that cover `size`; the last of each row and column is shifted inside."""
    height, width = size
    corners = []
    for top in range(0, max(height - window[0] + stride[0] - 1, 0) // stride[0] * stride[0] + 1, stride[0]):
        for left in range(0, max(width - window[1] + stride[1] - 1, 0) // stride[1] * stride[1] + 1, stride[1]):
            bottom, right = min(top + window[0], height), min(left + window[1], width)
            corners.append((max(bottom - window[0], 0), max(right - window[1], 0), bottom, right))
    return corners


def _logits(predictor: Predictor, image: Tensor, settings: InferenceSettings) -> Tensor:
    """[1, C, H, W] -> logits [1, K, H, W], on the device of the predictor's output."""
    if settings.inference == "whole":
        logits: Tensor = predictor(image)
        return logits
    size = (image.shape[-2], image.shape[-1])
    total: Tensor | None = None
    count: Tensor | None = None
    for top, left, bottom, right in windows(size, settings.window, settings.stride):
        part = predictor(image[..., top:bottom, left:right]).float()
        if total is None or count is None:
            total = part.new_zeros((1, part.shape[1], *size))
            count = part.new_zeros((1, 1, *size))
        total[..., top:bottom, left:right] += part
        count[..., top:bottom, left:right] += 1
    assert total is not None
    assert count is not None
    return total / count
