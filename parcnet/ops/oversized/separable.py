"""The two passes of the operator over planes [C, H, B, W], block by block, with gradients that recompute."""

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

    prepare     (kernel [C, L], side) -> the form of the kernel for maps of that side, e.g. Toeplitz matrices
    correlate   (planes, prepared, dim) -> y with y[i] = sum_s kernel[s + L//2] planes[i+s], zero outside
    products    (planes, upstream, taps, dim) -> products that `lags` turns into the kernel's gradient; additive over
                images
    lags        (products, taps, side) -> [C, taps] with entry s + taps//2 = sum_i upstream[i] planes[i+s]
    channels    (height, width, dtype) -> how many channels to process at a time
    """

    prepare: Callable[[Tensor, int], Any]
    correlate: Callable[[Tensor, Any, int], Tensor]
    products: Callable[[Tensor, Tensor, int, int], Tensor]
    lags: Callable[[Tensor, int, int], Tensor]
    channels: Callable[[int, int, torch.dtype], int]


def separable(x: Tensor, kernel_h: Tensor, kernel_w: Tensor, passes: Passes) -> Tensor:
    """The operator by `passes`, in the memory format of `x`; see `oversized_conv2d` for shapes."""
    recorded = torch.is_grad_enabled() and (x.requires_grad or kernel_h.requires_grad or kernel_w.requires_grad)
    if recorded and not torch.jit.is_tracing():  # a trace cannot record a Python function
        out: Tensor = _Separable.apply(x, kernel_h, kernel_w, passes)
        return out
    return _forward(x, kernel_h, kernel_w, passes)


def _forward(x: Tensor, kernel_h: Tensor, kernel_w: Tensor, passes: Passes) -> Tensor:
    parts = _parts(x, passes)
    rows, columns = (_prepared(k, x.shape[d], parts, passes) for k, d in ((kernel_h, 2), (kernel_w, 3)))

    def convolve(planes: Tensor) -> Tensor:
        return _concatenated(
            [passes.correlate(passes.correlate(planes[part], rows(part), 1), columns(part), 3) for part in parts]
        )

    return _by_images(convolve, [x])


def _backward(
    x: Tensor, upstream: Tensor, kernel_h: Tensor, kernel_w: Tensor, passes: Passes
) -> tuple[Tensor, Tensor, Tensor]:
    """The vertical pass is recomputed, not stored; the adjoint of a correlation is one with the flipped kernel.
    Gradients of half-precision kernels are accumulated in float32."""
    parts, (height, width) = _parts(x, passes), x.shape[2:]
    sizes = {1: (kernel_h.shape[1], height), 3: (kernel_w.shape[1], width)}
    rows = _prepared(kernel_h, height, parts, passes)
    rows_back = _prepared(kernel_h.flip(1), height, parts, passes)
    columns_back = _prepared(kernel_w.flip(1), width, parts, passes)
    deferred = len(parts) == 1  # else the products of all channels, quadratic in the map's sides, would be kept
    sums: dict[tuple[int, int], Tensor] = {}

    def accumulate(dim: int, index: int, products: Tensor) -> None:
        exact = products.to(torch.promote_types(products.dtype, torch.float32))
        term = exact if deferred else passes.lags(exact, *sizes[dim])
        sums[dim, index] = term if (dim, index) not in sums else sums[dim, index] + term

    def gradient(planes: Tensor, upstream: Tensor) -> Tensor:
        gradients = []
        for index, part in enumerate(parts):
            upstream_y = passes.correlate(upstream[part], columns_back(part), 3)
            y = passes.correlate(planes[part], rows(part), 1)
            accumulate(3, index, passes.products(y, upstream[part], sizes[3][0], 3))
            accumulate(1, index, passes.products(planes[part], upstream_y, sizes[1][0], 1))
            gradients.append(passes.correlate(upstream_y, rows_back(part), 1))
        return _concatenated(gradients)

    grad = _by_images(gradient, [x, upstream])
    grad_h, grad_w = (
        _concatenated([passes.lags(sums[dim, i], *size) if deferred else sums[dim, i] for i in range(len(parts))])
        for dim, size in sizes.items()
    )
    return grad, grad_h.to(kernel_h.dtype), grad_w.to(kernel_w.dtype)


def _parts(x: Tensor, passes: Passes) -> list[slice]:
    """The slices of channels to process in turn; a single one in a trace, which would freeze the loop."""
    _, channels, height, width = x.shape
    step = max(1, channels if torch.jit.is_tracing() else passes.channels(height, width, x.dtype))
    return [slice(first, first + step) for first in range(0, channels, step)] if step < channels else [slice(None)]


def _prepared(kernel: Tensor, side: int, parts: list[slice], passes: Passes) -> Callable[[slice], Any]:
    """Slice of channels -> its prepared kernel: prepared once for one slice, else on each call, as not all fit."""
    if len(parts) > 1:
        return lambda part: passes.prepare(kernel[part], side)
    prepared = passes.prepare(kernel, side)
    return lambda _: prepared


def _by_images(compute: Callable[..., Tensor], maps: list[Tensor]) -> Tensor:
    """`compute` on the planes of `maps` [B, C, H, W], block by block of images, in the memory format of the first."""
    channels_last, blocks = is_channels_last(maps[0]), image_blocks(maps[0])
    if len(blocks) <= 1:
        return from_planes(compute(*map(to_planes, maps)), channels_last)
    out = empty_map(maps[0])
    for block in blocks:
        copy_planes(compute(*(to_planes(each[block]) for each in maps)), out[block])
    return out


def _concatenated(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


class _Separable(torch.autograd.Function):
    """Saves only its inputs for the backward pass: memory stays linear in the size of the map."""

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
        """The mapped dimension joins the channels, because the operator is depthwise."""
        mapped = [
            t.expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)
            for t, dim in zip((x, kernel_h, kernel_w), in_dims[:3], strict=True)
        ]
        images = mapped[0].transpose(0, 1).flatten(1, 2)
        out = _Separable.apply(images, mapped[1].flatten(0, 1), mapped[2].flatten(0, 1), passes)
        return out.unflatten(1, (info.batch_size, -1)), 1
