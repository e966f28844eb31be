"""Trained oversized kernels: the 1D kernels, the 2D kernel they compose, and their reach."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.explain.target_layers import layer_name, stage_of, stages
from parcnet.layers import OversizedConv2d
from parcnet.layers.local_global_conv import LocalGlobalConv
from parcnet.ops.oversized.dense import merge

Array = NDArray[np.float32]

DEFAULT_STAGE = 3
"""The supplement draws the last block of this stage."""
LOCAL_REACH = 3
"""Radius of a 7x7 kernel in positions."""


@dataclass(frozen=True, slots=True)
class Kernels:
    """The kernels of one oversized convolution for channels drawn with a seed; y[i] = sum_s k[s] x[i+s]."""

    layer: str
    channels: NDArray[np.int64]
    """[n]: indices of the channels, ascending."""
    vertical: Array
    """[n, 2H-1]: the centre tap is H-1; later taps read positions below the output."""
    horizontal: Array
    """[n, 2W-1]: the centre tap is W-1; later taps read positions to the right of the output."""
    local: Array | None
    """[n, k, k]: the parallel local depthwise kernel; None if there is none."""
    merged: Array
    """[n, 2H-1, 2W-1]: vertical x horizontal plus the centred local kernel (and at least as large as it). On feature
    maps of H x W, convolving with it under zero padding of half its size equals the layers."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How one oversized convolution uses its length: means over all channels."""

    layer: str
    stage: int | None
    """From 1."""
    energy_h: NDArray[np.float64]
    """[H]: share of a vertical kernel's squared weights at distance 0, 1, ..., H-1."""
    energy_w: NDArray[np.float64]
    """[W]: the same for the horizontal kernels."""
    spectrum_h: NDArray[np.float64]
    """[H]: share of a vertical kernel's power at frequencies 0, 1, ..., H-1 cycles per 2H-1 taps."""
    spectrum_w: NDArray[np.float64]
    """[W]: the same for the horizontal kernels."""
    distance: tuple[float, float]
    """Mean distance of the energy, vertical and horizontal, divided by the largest distance."""
    beyond_local: tuple[float, float]
    """Share of the energy outside the range of a 7x7 kernel."""
    symmetry: tuple[float, float]
    """Mean cosine similarity of a kernel and its mirror image: 1 even, -1 odd."""
    untrained_distance: tuple[float, float]
    """Expected `distance` of white noise of this length: near 0.5, more for few taps."""
    untrained_symmetry: tuple[float, float]
    """Expected `symmetry` of white noise: 1 / taps, the share of the centre tap."""


def oversized_layers(model: nn.Module) -> dict[str, OversizedConv2d]:
    """Every oversized convolution by name, from input to output."""
    return {name: module for name, module in model.named_modules() if isinstance(module, OversizedConv2d)}


def oversized_kernels(
    model: nn.Module, *, layer: str | None = None, channels: int | None = 16, seed: int = 0
) -> Kernels:
    """The kernels of `channels` random channels (None: all) of one oversized convolution.

    layer   its name, the name of a module that contains it (the last one in it), a stage's number from 1, or None for
            the last block of the third stage.

    Raises `UserError` for a network or a layer without an oversized convolution, listing the layers that are.
    """
    name, module = _chosen(model, layer)
    if channels is not None and channels < 1:
        raise UserError(f"channels is {channels}; expected at least 1.")
    vertical, horizontal = (kernel.detach().float().cpu() for kernel in (module.kernel_h, module.kernel_w))
    order = torch.randperm(len(vertical), generator=torch.Generator().manual_seed(seed))
    chosen = order[: len(vertical) if channels is None else channels].sort().values
    parallel = _local_kernel(model, name)
    local = None if parallel is None else parallel[chosen]
    merged = merge(vertical[chosen], horizontal[chosen], local)
    return Kernels(
        layer=name,
        channels=chosen.numpy(),
        vertical=vertical[chosen].numpy(),
        horizontal=horizontal[chosen].numpy(),
        local=None if local is None else local.numpy(),
        merged=merged.numpy(),
    )


def reach(model: nn.Module) -> tuple[Reach, ...]:
    """The reach of each oversized convolution, from input to output.

    Raises `UserError` for a network without one.
    """
    layers = oversized_layers(model)
    if not layers:
        raise _without(model)
    return tuple(_reach(model, name, layer) for name, layer in layers.items())


def energy_by_distance(kernel: Array) -> NDArray[np.float64]:
    """[C, 2L-1] -> [L]: share of the squared weights at each distance from the centre, mean over channels.

    e[d] = mean_c (k[c,-d]^2 + k[c,d]^2) / sum_s k[c,s]^2       and k[c,0]^2 alone at d = 0
    """
    squared = kernel.astype(np.float64) ** 2
    middle = kernel.shape[1] // 2
    folded = squared[:, middle:].copy()
    folded[:, 1:] += squared[:, middle - 1 :: -1] if middle else 0
    return _shares(folded)


def spectrum(kernel: Array) -> NDArray[np.float64]:
    """[C, 2L-1] -> [L]: share of the power |FFT|^2 at 0, 1, ..., L-1 cycles per kernel, mean over channels."""
    power = np.abs(np.fft.fft(kernel.astype(np.float64), axis=1)) ** 2
    folded = power[:, : kernel.shape[1] // 2 + 1].copy()
    folded[:, 1:] *= 2  # negative frequencies have the same power, since kernels are real
    return _shares(folded)


def symmetry(kernel: Array) -> float:
    """[C, 2L-1] -> mean over the non-zero channels of <k, mirrored k> / <k, k>."""
    exact = kernel.astype(np.float64)
    energy = (exact**2).sum(1)
    nonzero = energy > 0
    return float(((exact * exact[:, ::-1]).sum(1)[nonzero] / energy[nonzero]).mean()) if nonzero.any() else 0.0


def _reach(model: nn.Module, name: str, layer: OversizedConv2d) -> Reach:
    kernels = [kernel.detach().float().cpu().numpy() for kernel in (layer.kernel_h, layer.kernel_w)]
    energies = [energy_by_distance(kernel) for kernel in kernels]
    return Reach(
        layer=name,
        stage=stage_of(model, name),
        energy_h=energies[0],
        energy_w=energies[1],
        spectrum_h=spectrum(kernels[0]),
        spectrum_w=spectrum(kernels[1]),
        distance=(_mean_distance(energies[0]), _mean_distance(energies[1])),
        beyond_local=(float(energies[0][LOCAL_REACH + 1 :].sum()), float(energies[1][LOCAL_REACH + 1 :].sum())),
        symmetry=(symmetry(kernels[0]), symmetry(kernels[1])),
        untrained_distance=(_mean_distance(_white(len(energies[0]))), _mean_distance(_white(len(energies[1])))),
        untrained_symmetry=(1 / kernels[0].shape[1], 1 / kernels[1].shape[1]),
    )


def _shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row divided by its sum, mean over the non-zero rows."""
    sums = values.sum(1)
    nonzero = sums > 0
    return (values[nonzero] / sums[nonzero, None]).mean(0) if nonzero.any() else np.zeros(values.shape[1])


def _white(length: int) -> NDArray[np.float64]:
    """Expected energy by distance of white noise."""
    return np.where(np.arange(length) == 0, 1, 2) / (2 * length - 1)


def _mean_distance(energy: NDArray[np.float64]) -> float:
    farthest = max(len(energy) - 1, 1)
    return float((energy * np.arange(len(energy))).sum() / farthest)


def _chosen(model: nn.Module, layer: str | None) -> tuple[str, OversizedConv2d]:
    layers = oversized_layers(model)
    if not layers:
        raise _without(model)
    known = stages(model)
    if layer is None:
        if len(known) < DEFAULT_STAGE:
            raise UserError(f"a {type(model).__name__} has no stage {DEFAULT_STAGE}; name a layer: {_list(layers)}.")
        layer = str(DEFAULT_STAGE)
    requested = layer_name(model, layer)
    within = [name for name in layers if name == requested or name.startswith(f"{requested}.")]
    if not within:
        raise UserError(f"{requested} has no oversized convolution; expected one of {_list(layers)}.")
    return within[-1], layers[within[-1]]


def _local_kernel(model: nn.Module, name: str) -> Tensor | None:
    parent = model.get_submodule(name.rpartition(".")[0])
    if not isinstance(parent, LocalGlobalConv):
        return None
    return parent.local.weight.detach().float().cpu().flatten(0, 1)


def _without(model: nn.Module) -> UserError:
    return UserError(f"a {type(model).__name__} has no oversized convolution; expected a parcnetv2 network.")


def _list(layers: dict[str, OversizedConv2d]) -> str:
    names = list(layers)
    return ", ".join(names if len(names) <= 6 else [*names[:3], "...", *names[-3:]])
