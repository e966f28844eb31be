"""Gate values of the spatial bifurcate gate units: where they pass features on, and where they are closed."""

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.base import UserError, progress
from parcnet.explain.hooks import borrowed, captured
from parcnet.explain.target_layers import stage_of
from parcnet.layers import SpatialBGU, SplitSpatialBGU

CLOSED = 0.1
"""A gate is closed where |g| is below this multiple of its channel's root mean square."""
CLOSED_AT_RANDOM = 0.0797
"""Share of closed gates under a zero-mean normal distribution: erf(0.1 / sqrt 2)."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate of one unit on all images, normalised per channel, since the next projection absorbs its scale."""

    layer: str
    stage: int | None
    """From 1."""
    maps: NDArray[np.float32]
    """[N, h, w]: mean over channels of |g| / rms_c, rms over images and positions; 0.8 for a normal distribution."""
    closed_maps: NDArray[np.float32]
    """[N, h, w]: share of channels whose gate is closed at that position."""
    closed: float
    """Share of all gate values that are closed."""
    negative: float
    """Share of all gate values that are negative, so that they flip the sign of the features."""


@dataclass(frozen=True, slots=True)
class Gates:
    """Every gate of a network, from input to output."""

    gates: tuple[Gate, ...]
    threshold: float
    """A gate is closed where |g| < threshold * rms_c."""


def gates(
    model: nn.Module,
    images: Tensor,
    *,
    threshold: float = CLOSED,
    device: torch.device | None = None,
    dtype: str = "fp32",
) -> Gates:
    """The spatial gates of a network on images [N, C, H, W].

        y = W_out (g * mix(GELU(feature)))      g = first half of W_in x + b      (ICCV 2023, Sec. 3.2)

    and in the arXiv version g = GELU(W_gate x + b). Additive units have no gate. The network is left unchanged.

    Raises `UserError` for a network without such units, and for a threshold that is not positive.
    """
    units = gate_units(model)
    if not units:
        raise UserError(
            f"a {type(model).__name__} has no spatial gate unit; expected a parcnetv2 network whose gates multiply."
        )
    if len(images) < 1:
        raise UserError("no image given: gates need at least one image.")
    if not threshold > 0:
        raise UserError(f"threshold is {threshold}; expected a number above 0.")
    collected: dict[str, list[Tensor]] = {name: [] for name in units}
    with borrowed(model, device, dtype), torch.no_grad(), progress("gates", len(images), "images") as advance:
        target = next(parameter.device for parameter in model.parameters())
        with ExitStack() as hooks:
            projections = {name: hooks.enter_context(captured(_projection(unit))) for name, unit in units.items()}
            for image in images:
                model(image[None].to(target))
                for name, unit in units.items():
                    collected[name].append(_gate(unit, projections[name].output).float().cpu())
                advance(1, "")
    return Gates(
        tuple(_summary(name, stage_of(model, name), torch.cat(each), threshold) for name, each in collected.items()),
        threshold,
    )


def gate_units(model: nn.Module) -> dict[str, SpatialBGU | SplitSpatialBGU]:
    """Every spatial unit with a multiplicative gate by name, from input to output."""
    return {
        name: module
        for name, module in model.named_modules()
        if (isinstance(module, SpatialBGU) and not module.additive)
        or (isinstance(module, SplitSpatialBGU) and module.gated)
    }


def _projection(unit: SpatialBGU | SplitSpatialBGU) -> nn.Module:
    return unit.project_in if isinstance(unit, SpatialBGU) else unit.project_gate


def _gate(unit: SpatialBGU | SplitSpatialBGU, projected: Tensor | None) -> Tensor:
    assert projected is not None, "every unit projects in a forward pass"
    return projected.chunk(2, dim=1)[0] if isinstance(unit, SpatialBGU) else F.gelu(projected)


def _summary(name: str, stage: int | None, gate: Tensor, threshold: float) -> Gate:
    scale = gate.square().mean((0, 2, 3), keepdim=True).sqrt().clamp(min=torch.finfo(torch.float32).tiny)
    relative = gate.abs() / scale
    closed = (relative < threshold).float()
    return Gate(
        layer=name,
        stage=stage,
        maps=relative.mean(1).numpy(),
        closed_maps=closed.mean(1).numpy(),
        closed=float(closed.mean()),
        negative=float((gate < 0).float().mean()),
    )
