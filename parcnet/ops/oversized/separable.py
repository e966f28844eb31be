"""The two passes of the operator over planes [C, H, B, W], block by block, with gradients that store nothing new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from parcnet.ops.image_blocks import image_blocks
from parcnet.ops.layout import copy_planes, empty_map, from_planes, is_channels_last, to_planes


@dataclass(frozen=True, slots=True)
class Passes:
    """How an algorithm computes Eqs. 1 and 2 along `dim` (1: height, 3: width) of planes [C, H, B, W].

    prepare     (kernel [C, L], side) -> whatever the kernel becomes for maps of that side, e.g. matrices
    correlate   (planes, prepared, dim) -> y with y[i] = sum_s kernel[s + L//2] planes[i+s], zero outside
    products    (planes, upstream, taps, dim) -> what the kernel's gradient is read from; it adds up over images
    lags        (products, taps, side) -> [C, taps] with entry s + taps//2 = sum_i upstream[i] planes[i+s]
    channels    (height, width, dtype) -> how many channels one step may take
    """

    prepare: Callable[[Tensor, int], Any]
    correlate: Callable[[Tensor, Any, int], Tensor]
    products: Callable[[Tensor, Tensor, int, int], Tensor]
    lags: Callable[[Tensor, int, int], Tensor]
    channels: Callable[[int, int, torch.dtype], int]


def separable(x: Tensor, kernel_h: Tensor, kernel_w: Tensor, passes: Passes) -> Tensor:
    """The operator by `passes`, in the layout of `x`; see `oversized_conv2d` for shapes."""
    recorded = torch.is_grad_enabled() and (x.requires_grad or kernel_h.requires_grad or kernel_w.requires_grad)
    if recorded and not torch.jit.is_tracing():  # a trace cannot hold a Python function
        out: Tensor = _Separable.apply(x, kernel_h, kernel_w, passes)
        return out
    return _forward(x, kernel_h, kernel_w, passes)


def _forward(x: Tensor, kernel_h: Tensor, kernel_w: Tensor, passes: Passes) -> Tensor:
    parts = _parts(x, passes)
    rows, columns = (_prepared(k, x.shape[d], parts, passes) for k, d in ((kernel_h, 2), (kernel_w, 3)))

    def answer(planes: Tensor) -> Tensor:
        done = [passes.correlate(passes.correlate(planes[part], rows(part), 1), columns(part), 3) for part in parts]
        return _joined(done)

    return _by_images(answer, [x])


def _backward(
    x: Tensor, upstream: Tensor, kernel_h: Tensor, kernel_w: Tensor, passes: Passes
) -> tuple[Tensor, Tensor, Tensor]:
    """The vertical pass is computed again instead of stored; the transpose of a correlation is one with the flipped
    kernel. Gradients of half-precision kernels are summed in single."""
    parts, (height, width) = _parts(x, passes), x.shape[2:]
    sizes = {1: (kernel_h.shape[1], height), 3: (kernel_w.shape[1], width)}
    rows = _prepared(kernel_h, height, parts, passes)
    rows_back = _prepared(kernel_h.flip(1), height, parts, passes)
    columns_back = _prepared(kernel_w.flip(1), width, parts, passes)
    late = len(parts) == 1  # else products of all channels would be kept, and they grow with the square of the map
    sums: dict[tuple[int, int], Tensor] = {}

    def add(dim: int, place: int, products: Tensor) -> None:
        exact = products.to(torch.promote_types(products.dtype, torch.float32))
        found = exact if late else passes.lags(exact, *sizes[dim])
        sums[dim, place] = found if (dim, place) not in sums else sums[dim, place] + found

    def answer(planes: Tensor, above: Tensor) -> Tensor:
        done = []
        for place, part in enumerate(parts):
            above_y = passes.correlate(above[part], columns_back(part), 3)
            y = passes.correlate(planes[part], rows(part), 1)
            add(3, place, passes.products(y, above[part], sizes[3][0], 3))
            add(1, place, passes.products(planes[part], above_y, sizes[1][0], 1))
            done.append(passes.correlate(above_y, rows_back(part), 1))
        return _joined(done)

    grad = _by_images(answer, [x, upstream])
    grad_h, grad_w = (
        _joined([passes.lags(sums[dim, place], *size) if late else sums[dim, place] for place in range(len(parts))])
        for dim, size in sizes.items()
    )
    return grad, grad_h.to(kernel_h.dtype), grad_w.to(kernel_w.dtype)


def _parts(x: Tensor, passes: Passes) -> list[slice]:
    """The slices of channels to take in turn; one where a loop would be frozen into a trace."""
    _, channels, height, width = x.shape
    step = max(1, channels if torch.jit.is_tracing() else passes.channels(height, width, x.dtype))
    return [slice(first, first + step) for first in range(0, channels, step)] if step < channels else [slice(None)]


def _prepared(kernel: Tensor, side: int, parts: list[slice], passes: Passes) -> Callable[[slice], Any]:
    """The kernel of some channels, prepared: once where all go at a time, else each time, since all would not fit."""
    if len(parts) > 1:
        return lambda part: passes.prepare(kernel[part], side)
    once = passes.prepare(kernel, side)
    return lambda _: once


def _by_images(answer: Callable[..., Tensor], maps: list[Tensor]) -> Tensor:
    """`answer` of planes, for the maps [B, C, H, W] of some images at a time, in the layout of the first."""
    last, blocks = is_channels_last(maps[0]), image_blocks(maps[0])
    if len(blocks) <= 1:
        return from_planes(answer(*map(to_planes, maps)), last)
    out = empty_map(maps[0])
    for block in blocks:
        copy_planes(answer(*(to_planes(each[block]) for each in maps)), out[block])
    return out


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
