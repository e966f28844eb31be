"""The problem that algorithms are chosen for, and the interface of an algorithm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx.experimental.symbolic_shapes import has_static_value

from parcnet.ops.layout import is_channels_last
from parcnet.ops.oversized.device_class import device_class


@dataclass(frozen=True, slots=True)
class Problem:
    """The properties of one oversized convolution on which the choice of an algorithm depends.

    device          the device class, as `device_class` names it
    training        gradients will be computed
    channels_last   the input is in channels_last memory
    symbolic        a size is symbolic (export or compilation for dynamic sizes): no decision may depend on one
    """

    batch: int
    channels: int
    height: int
    width: int
    taps_h: int
    taps_w: int
    dtype: torch.dtype
    device: str
    training: bool = False
    channels_last: bool = False
    symbolic: bool = False

    @classmethod
    def of(cls, x: Tensor, kernel_h: Tensor, kernel_w: Tensor, training: bool | None = None) -> Problem:
        """The problem of these tensors; `training` None: whether gradients are recorded now."""
        if training is None:
            training = torch.is_grad_enabled() and (x.requires_grad or kernel_h.requires_grad or kernel_w.requires_grad)
        batch, channels, height, width = x.shape
        taps_h, taps_w = kernel_h.shape[1], kernel_w.shape[1]
        symbolic = _symbolic(batch, channels, height, width, taps_h, taps_w)
        channels_last = not symbolic and is_channels_last(x)  # reading strides would specialise symbolic sizes
        device = device_class(x.device)
        return cls(batch, channels, height, width, taps_h, taps_w, x.dtype, device, training, channels_last, symbolic)


def _symbolic(*sizes: int) -> bool:
    """Whether a size is symbolic: torch.export, torch.compile with dynamic shapes, torch.jit.trace."""
    if torch.compiler.is_dynamo_compiling():  # where the type of a symbolic size is int
        return not all([has_static_value(size) for size in sizes])  # noqa: C419 - dynamo does not support a generator here
    return {*map(type, sizes)} != {int}


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An exact way to compute an operator; `refuses` returns None for a supported problem, else the reason in words.

    `run` takes the operator's tensors (here x, kernel_h, kernel_w); its output has the memory format of the first.
    """

    name: str
    run: Callable[..., Tensor]
    refuses: Callable[[Problem], str | None]


def never(problem: Problem) -> str | None:  # noqa: ARG001 - the signature of `Algorithm.refuses`
    """For algorithms that support every problem."""
    return None
