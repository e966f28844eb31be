"""What an algorithm is asked to do, and what an algorithm is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Problem:
    """One oversized convolution, as far as the choice of an algorithm depends on it."""

    batch: int
    channels: int
    height: int
    width: int
    taps_h: int
    taps_w: int
    dtype: torch.dtype
    device: str

    @classmethod
    def of(cls, x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> Problem:
        batch, channels, height, width = x.shape
        return cls(batch, channels, height, width, kernel_h.shape[1], kernel_w.shape[1], x.dtype, x.device.type)


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An exact way to compute the operator; `refuses` returns None when it can, else the reason in words."""

    name: str
    run: Callable[[Tensor, Tensor, Tensor], Tensor]
    refuses: Callable[[Problem], str | None]


def never(problem: Problem) -> str | None:  # noqa: ARG001 - the signature of `Algorithm.refuses`
    """For algorithms that take every problem."""
    return None
