"""The two passes of the operator over planes [C, H, B, W], block by block, with gradients that store nothing new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from parcnet.ops.oversized.layout import from_planes, is_channels_last, to_planes

BLOCK_ELEMENTS = 2**18  # of a map that a CPU works on at a time: input, matrices and output stay in its caches


@dataclass(frozen=True, slots=True)
class Passes:
    """How an algorithm computes Eqs. 1 and 2 along `dim` (1: height, 3: width) of planes [C, H, B, W].

    correlate       (planes, kernel [C, L], dim) -> y with y[i] = sum_s kernel[s + L//2] planes[i+s], zero outside
    kernel_gradient (planes, upstream, taps, dim) -> [C, taps] with entry s + taps//2 = sum_i upstream[i] planes[i+s]
    channels        (height, width, dtype) -> how many channels one step may take
    """

    correlate: Callable[[Tensor, Tensor, int], Tensor]
    kernel_gradient: Callable[[Tensor, Tensor, int, int], Tensor]
    channels: Callable[[int, int, torch.dtype], int]


def separable(x: Tensor, kernel_h: Tensor, kernel_w: Tensor, passes: Passes) -> Tensor:
    """The operator by `passes`, in the layout of `x`; see `oversized_conv2d` for shapes."""
    recorded = torch.is_grad_enabled() and (x.requires_grad or kernel_h.requires_grad or kernel_w.requires_grad)
    if recorded and not torch.jit.is_tracing():  # a trace cannot hold a Python function
        out: Tensor = _Separable.apply(x, kernel_h, kernel_w, passes)
        return out
    return _forward(x, kernel_h, kernel_w, passes)


def _forward(x: Tensor, kernel_h: Tensor, kernel_w: Tensor, passes: Passes) -> Tensor:
    answers = []
    for (planes,), parts in _blocks([x], passes):
        done = []
        for part in parts:
            y = passes.correlate(planes[part], kernel_h[part], 1)
            done.append(passes.correlate(y, kernel_w[part], 3))
        answers.append(from_planes(_joined(done), is_channels_last(x)))
    return _joined(answers)


def _backward(
    x: Tensor, upstream: Tensor, kernel_h: Tensor, kernel_w: Tensor, passes: Passes
) -> tuple[Tensor, Tensor, Tensor]:
    """The vertical pass is computed again instead of stored; the transpose of a correlation is one with the flipped
    kernel. Gradients of half-precision kernels are summed over blocks in single."""
    answers, sums_h, sums_w = [], [], []
    for (planes, above), parts in _blocks([x, upstream], passes):
        done, grads_h, grads_w = [], [], []
        for part in parts:
            y = passes.correlate(planes[part], kernel_h[part], 1)
            above_y = passes.correlate(above[part], kernel_w[part].flip(1), 3)
            grads_w.append(passes.kernel_gradient(y, above[part], kernel_w.shape[1], 3))
            grads_h.append(passes.kernel_gradient(planes[part], above_y, kernel_h.shape[1], 1))
            done.append(passes.correlate(above_y, kernel_h[part].flip(1), 1))
        answers.append(from_planes(_joined(done), is_channels_last(x)))
        sums_h.append(_joined(grads_h))
        sums_w.append(_joined(grads_w))
    # `sum` begins with the integer 0 for the type checker; there is always a block of images
    return _joined(answers), sum(sums_h).to(kernel_h.dtype), sum(sums_w).to(kernel_w.dtype)  # type: ignore[union-attr]


def _blocks(maps: list[Tensor], passes: Passes) -> Iterator[tuple[list[Tensor], list[slice]]]:
    """The maps [B, C, H, W] as planes of some images each, and the slices of channels to take of them in turn.

    Everything at once where a loop would be in the way: a compiler unrolls it, a trace freezes it, a GPU has no use
    for blocks of images.
    """
    batch, channels, height, width = maps[0].shape
    step = max(1, channels if torch.jit.is_tracing() else passes.channels(height, width, maps[0].dtype))
    parts = [slice(first, first + step) for first in range(0, channels, step)] if step < channels else [slice(None)]
    whole = torch.compiler.is_compiling() or torch.jit.is_tracing() or not maps[0].is_cpu
    images = batch if whole else max(1, BLOCK_ELEMENTS // max(1, channels * height * width))
    if whole or images >= batch:
        yield [to_planes(each) for each in maps], parts
        return
    for first in range(0, batch, images):
        yield [to_planes(each[first : first + images]) for each in maps], parts


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


class _Separable(torch.autograd.Function):
    """Keeps its inputs alone for the backward pass: nothing grows with the square of a side."""

    @staticmethod
    def forward(x: Tensor, kernel_h: Tensor, kernel_w: Tensor, passes: Passes) -> Tensor:
        return _forward(x, kernel_h, kernel_w, passes)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004 - torch's signature
        x, kernel_h, kernel_w, ctx.passes = inputs
        ctx.save_for_backward(x, kernel_h, kernel_w)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, kernel_h, kernel_w = ctx.saved_tensors
        return *_backward(x, upstream, kernel_h, kernel_w, ctx.passes), None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], x: Tensor, kernel_h: Tensor, kernel_w: Tensor, passes: Passes
    ) -> tuple[Tensor, int]:
        """Every lane brings its own channels, because the operator is depthwise."""
        lanes = [
            t.expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)
            for t, dim in zip((x, kernel_h, kernel_w), in_dims[:3], strict=True)
        ]
        images = lanes[0].transpose(0, 1).flatten(1, 2)
        out = _Separable.apply(images, lanes[1].flatten(0, 1), lanes[2].flatten(0, 1), passes)
        return out.unflatten(1, (info.batch_size, -1)), 1
