"""What an algorithm is asked to do, and what an algorithm is."""

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
    """One oversized convolution, as far as the choice of an algorithm depends on it.

    device          the device class, as `device_class` names it: what timings are comparable on
    training        a gradient will be asked for
    channels_last   the input lies in channels_last memory
    symbolic        a size is not known yet (export or compilation for any size): nothing may depend on one
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
        """The problem these tensors pose; `training` None: as gradients are recorded now."""
        if training is None:
            training = torch.is_grad_enabled() and (x.requires_grad or kernel_h.requires_grad or kernel_w.requires_grad)
        batch, channels, height, width = x.shape
        taps_h, taps_w = kernel_h.shape[1], kernel_w.shape[1]
        symbolic = _symbolic(batch, channels, height, width, taps_h, taps_w)
        channels_last = not symbolic and is_channels_last(x)  # asking for strides would pin symbolic sizes down
        device = device_class(x.device)
        return cls(batch, channels, height, width, taps_h, taps_w, x.dtype, device, training, channels_last, symbolic)


def _symbolic(*sizes: int) -> bool:
    """True while a size stands for any number: torch.export, torch.compile with dynamic shapes, torch.jit.trace."""
    if torch.compiler.is_dynamo_compiling():  # calls symbolic sizes int
        return not all([has_static_value(size) for size in sizes])  # noqa: C419 - dynamo reads no generator here
    return {*map(type, sizes)} != {int}


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An exact way to compute an operator; `refuses` returns None when it can, else the reason in words.

    `run` takes what the operator takes (here x, kernel_h, kernel_w) and answers in the memory layout of its first
    argument.
    """

    name: str
    run: Callable[..., Tensor]
    refuses: Callable[[Problem], str | None]


def never(problem: Problem) -> str | None:  # noqa: ARG001 - the signature of `Algorithm.refuses`
    """For algorithms that take every problem."""
    return None
