"""The fused operator as custom operators of torch: schema, shapes, gradients, autocast, vmap. Imports no triton."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from parcnet.ops.layout import empty_map
from parcnet.ops.triton.requirements import check, require


def spatial_mix(features: Tensor, gate: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor) -> Tensor:
    """The token mixing of the spatial BGU under its gate, in one kernel (ICCV 2023, Secs. 3.2 and 3.3).

        y = gate * (oversized_conv2d(features, kernel_h, kernel_w) + depthwise_conv2d(features, local))

    Shapes: features, gate [B, C, H, W], kernel_h [C, 2H-1], kernel_w [C, 2W-1], or shorter and odd, local [C, 1, k, k],
    k odd -> [B, C, H, W], in channels_last memory where `features` are. Any strides: the two halves of one tensor of 2C
    channels are not copied. Accumulates in fp32; the vertical product is rounded to the dtype of `features`.

    Differentiable once with respect to all five inputs; the gradients recompute the mix. Under torch.autocast all
    inputs are converted to its dtype. vmap folds its dimension into the channels.

    Raises ValueError naming the value for mismatched shapes, dtypes or devices and for what `refuses` refuses;
    RuntimeError with the reason where `available` gives one. There is no silent fallback.
    """
    return _spatial_mix(features, gate, kernel_h, kernel_w, local)


@torch.library.custom_op("parcnet::spatial_mix", mutates_args=())
def _spatial_mix(features: Tensor, gate: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor) -> Tensor:
    check(features, gate, kernel_h, kernel_w, local)
    require(features.device)
    from parcnet.ops.triton import launch  # imports triton, which is optional

    return launch.mix(features, gate, kernel_h, kernel_w, local)


@torch.library.custom_op("parcnet::spatial_mix_transposed", mutates_args=())
def _transposed(ungated: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor) -> Tensor:
    """The gradient of the features, from `ungated` = upstream * gate."""
    require(ungated.device)
    from parcnet.ops.triton import launch

    return launch.transposed_mix(ungated, kernel_h, kernel_w, local)


@torch.library.custom_op("parcnet::spatial_mix_kernel_gradients", mutates_args=())
def _kernel_gradients(
    ungated: Tensor, features: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of kernel_h, kernel_w and local, from `ungated` = upstream * gate."""
    require(features.device)
    from parcnet.ops.triton import launch

    return launch.kernel_gradients(ungated, features, kernel_h, kernel_w, local)


@_spatial_mix.register_fake
def _(features: Tensor, gate: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor) -> Tensor:
    check(features, gate, kernel_h, kernel_w, local)
    return empty_map(features)


@_transposed.register_fake
def _(ungated: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor) -> Tensor:  # noqa: ARG001 - the schema
    return empty_map(ungated)


@_kernel_gradients.register_fake
def _(
    ungated: Tensor,  # noqa: ARG001 - the schema
    features: Tensor,  # noqa: ARG001
    kernel_h: Tensor,
    kernel_w: Tensor,
    local: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    return tuple(
        torch.empty_like(kernel, memory_format=torch.contiguous_format) for kernel in (kernel_h, kernel_w, local)
    )  # type: ignore[return-value]


def _setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:  # noqa: ARG001 - torch's signature
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
    """d_gate = upstream * mix(features), the operator itself; the others from D = upstream * gate."""
    features, gate, kernel_h, kernel_w, local = ctx.saved_tensors
    kernels = (kernel_h, kernel_w, local)
    needs_features, needs_gate, *needs_kernels = ctx.needs_input_grad
    d_features = d_gate = None
    d_kernels: tuple[Tensor | None, ...] = (None, None, None)
    with torch.autocast(features.device.type, enabled=False):
        if needs_gate:
            d_gate = _spatial_mix(features, upstream, *kernels)
        if needs_features or any(needs_kernels):
            ungated = upstream * gate
        if needs_features:
            d_features = _transposed(ungated, *kernels)
        if any(needs_kernels):
            d_kernels = _kernel_gradients(ungated, features, *kernels)
    return d_features, d_gate, *d_kernels


_spatial_mix.register_autograd(_backward, setup_context=_setup_context)


def _autocast_on(device: str) -> Any:
    """The kernel that torch.autocast dispatches to: it casts all inputs to the autocast dtype."""

    def cast_and_run(*tensors: Tensor) -> Tensor:
        dtype = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            return torch.ops.parcnet.spatial_mix(*(tensor.to(dtype) for tensor in tensors))

    return cast_and_run


_library = torch.library.Library("parcnet", "FRAGMENT")
_library.impl("spatial_mix", _autocast_on("cuda"), "AutocastCUDA")
_library.impl("spatial_mix", _autocast_on("cpu"), "AutocastCPU")


MAPS, KERNELS = 1, 0  # dimension of the channels in maps and in kernels


def _fold(info: Any, in_dims: tuple[int | None, ...], tensors: tuple[Tensor, ...], maps: int) -> list[Tensor]:
    """Each tensor with its mapped dimension folded into the channels; a tensor without one is expanded.

    The first `maps` tensors are maps, the others kernels.
    """
    folded = []
    for index, (tensor, in_dim) in enumerate(zip(tensors, in_dims, strict=True)):
        channel_dim = MAPS if index < maps else KERNELS
        mapped = tensor.expand(info.batch_size, *tensor.shape) if in_dim is None else tensor.movedim(in_dim, 0)
        folded.append(mapped.movedim(0, channel_dim).flatten(channel_dim, channel_dim + 1))
    return folded


@_spatial_mix.register_vmap
def _(info: Any, in_dims: tuple[int | None, ...], *tensors: Tensor) -> tuple[Tensor, int]:
    output = torch.ops.parcnet.spatial_mix(*_fold(info, in_dims, tensors, maps=2))
    return output.unflatten(MAPS, (info.batch_size, -1)), MAPS


@_transposed.register_vmap
def _(info: Any, in_dims: tuple[int | None, ...], *tensors: Tensor) -> tuple[Tensor, int]:
    output = torch.ops.parcnet.spatial_mix_transposed(*_fold(info, in_dims, tensors, maps=1))
    return output.unflatten(MAPS, (info.batch_size, -1)), MAPS


@_kernel_gradients.register_vmap
def _(info: Any, in_dims: tuple[int | None, ...], *tensors: Tensor) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    gradients = torch.ops.parcnet.spatial_mix_kernel_gradients(*_fold(info, in_dims, tensors, maps=2))
    return tuple(gradient.unflatten(KERNELS, (info.batch_size, -1)) for gradient in gradients), (KERNELS,) * 3
