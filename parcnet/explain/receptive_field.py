"""Effective receptive field: the influence of each pixel on the centre of a feature map."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from parcnet.base import UserError, progress
from parcnet.explain.hooks import borrowed, captured
from parcnet.explain.target_layers import as_map, layer_name

Array = NDArray[np.floating[Any]]

SHARES = (0.2, 0.3, 0.5, 0.99)
"""The shares that RepLKNet reports."""


@dataclass(frozen=True, slots=True)
class Square:
    """The smallest centred square that contains more than a share of the contribution."""

    share: float
    side: int
    """In px, odd; clipped at the image border."""
    area: float
    """Share of the image that it covers."""


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """An effective receptive field and its extent."""

    layer: str
    contribution: NDArray[np.float64]
    """[H, W]: P, the contribution of each pixel, mean over images."""
    score: NDArray[np.float64]
    """[H, W]: log10(P + 1), divided by its maximum: RepLKNet's heat map."""
    squares: tuple[Square, ...]
    """On `score`, as RepLKNet reports them. Because of P + 1 they depend on the scale of the gradients."""
    raw_squares: tuple[Square, ...]
    """On `contribution`, independent of that scale."""
    images: int


def receptive_field(
    model: nn.Module,
    images: Tensor,
    *,
    layer: str | None = None,
    device: torch.device | None = None,
    dtype: str = "fp32",
) -> ReceptiveField:
    """The effective receptive field over real images [N, C, H, W] (RepLKNet, arXiv 2203.06717, appendix B).

        P[i,j] = mean over images of sum_k relu(d sum_c relu(M[c, h/2, w/2]) / d I[k,i,j])

    M is the feature map of `layer`: a module's name, a stage's number from 1, None for the last stage. Areas are those
    of the smallest squares around pixel (H/2, W/2) that contain 20, 30, 50 and 99 % of log10(P + 1), and of P itself.
    The relu on M is in RepLKNet's code but not in its text. The network is left unchanged.

    Raises `UserError` for an unknown layer or one without a feature map, and when no pixel has an influence.
    """
    if len(images) < 1:
        raise UserError("no image given: an effective receptive field needs at least one.")
    name = layer_name(model, layer)
    total = np.zeros(images.shape[2:])
    with (
        borrowed(model, device, dtype),
        captured(model.get_submodule(name)) as features,
        progress("receptive field", len(images), "images") as advance,
    ):
        target = next((parameter.device for parameter in model.parameters()), images.device)
        for image in images:
            pixels = image[None].to(target).detach().clone().requires_grad_()
            model(pixels)
            output = as_map(model, name, features.output)
            centre = output[:, :, output.shape[2] // 2, output.shape[3] // 2].relu().sum()
            (gradient,) = torch.autograd.grad(centre, pixels, allow_unused=True) if centre.requires_grad else (None,)
            if gradient is not None:
                total += gradient[0].relu().sum(0).double().cpu().numpy()
            advance(1, "")
    contribution = total / len(images)
    if not contribution.any():
        raise UserError(f"no pixel has a positive influence on the centre of {name}; name another layer.")
    score = np.log10(contribution + 1)
    score = score / score.max()
    squares, raw = (tuple(square(each, share) for share in SHARES) for each in (score, contribution))
    return ReceptiveField(name, contribution, score, squares, raw, len(images))


def square(field: Array, share: float) -> Square:
    """The smallest square around (H/2, W/2) that contains more than `share` of the field [H, W].

    As in RepLKNet's code, except that 1 px is a valid side and that a square may grow until it covers the image.
    """
    inside, area = growth(field)
    radius = int(np.argmax(inside > share)) if (inside > share).any() else len(inside) - 1
    return Square(share, 2 * radius + 1, float(area[radius]))


def growth(field: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For squares of side 1, 3, 5, ... around (H/2, W/2): (share of the field inside, share of the area)."""
    height, width = field.shape
    rows, columns = np.abs(np.arange(height) - height // 2), np.abs(np.arange(width) - width // 2)
    ring = np.maximum(rows[:, None], columns[None, :]).ravel()
    inside = np.bincount(ring, field.ravel()).cumsum()
    return inside / inside[-1], np.bincount(ring).cumsum() / field.size


def area_of(field: Array, share: float) -> float:
    """The smallest share of the area, of any shape, whose values sum to `share` of the total."""
    ordered = np.sort(field, axis=None)[::-1].cumsum()
    return float((np.searchsorted(ordered, share * ordered[-1]) + 1) / field.size)
