"""Launches the Triton kernels: the one module that imports them, itself imported on the first call."""

from __future__ import annotations

import torch
import triton  # noqa: F401  (first, so that the error names triton where it is missing)
from torch import Tensor

from parcnet.ops.layout import empty_map, is_channels_last
from parcnet.ops.oversized.toeplitz import diagonal_sums
from parcnet.ops.triton.gradient_kernels import local_gradient_kernel, matrix_gradient_kernel
from parcnet.ops.triton.mix_kernel import mix_kernel
from parcnet.ops.triton.tiling import PROGRAMS, Tiling, candidate_tilings, ceil_div, next_power_of_two, padded

MAX_OFFSET = 2**31 - 1  # elements; kernels address the elements of one image with 32 bits


def mix(
    x: Tensor, gate: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor, tiling: Tiling | None = None
) -> Tensor:
    """gate * (T_h x T_w' + local(x)), a new tensor in the memory format of `x`."""
    return _mix(x, gate, kernel_h, kernel_w, local, tiling, transposed=False)


def transposed_mix(
    ungated: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor, tiling: Tiling | None = None
) -> Tensor:
    """T_h' D T_w + local'(D): the gradient of the features, from D = upstream * gate."""
    return _mix(ungated, ungated, kernel_h, kernel_w, local, tiling, transposed=True)


def _mix(
    x: Tensor,
    gate: Tensor,
    kernel_h: Tensor,
    kernel_w: Tensor,
    local: Tensor,
    tiling: Tiling | None,
    *,
    transposed: bool,
) -> Tensor:
    x, gate = _addressable(x), _addressable(gate)
    batch, channels, height, width = x.shape
    out = empty_map(x)
    if out.numel() == 0:
        return out
    tiling = tiling or _default_tiling(x)
    groups, row_blocks = ceil_div(channels, tiling.block_c), ceil_div(height, tiling.block_i)
    with torch.cuda.device_of(x):
        mix_kernel[(groups * row_blocks * batch,)](
            x, gate, kernel_h.contiguous(), kernel_w.contiguous(), local.contiguous(), out,
            channels, height, width, kernel_h.shape[1], kernel_w.shape[1], groups, row_blocks,
            *x.stride(), *gate.stride(), *out.stride(),
            SIDE=local.shape[2], BAND=padded(tiling.block_i + local.shape[2] - 1), BANDED=x.dtype.itemsize == 2,
            TRANSPOSED=transposed,
            BLOCK_C=tiling.block_c, BLOCK_I=tiling.block_i, BLOCK_J=tiling.block_j, BLOCK_P=tiling.block_p,
            PAD_H=padded(height), PAD_W=padded(width), num_warps=tiling.warps, num_stages=tiling.stages,
        )  # fmt: skip
    return out


def kernel_gradients(
    ungated: Tensor, x: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of sum(D * (T_h x T_w' + local(x))) with respect to kernel_h, kernel_w and local, in their dtype.

    D is `ungated`. The kernels write fp32 sums over chunks of the batch, which torch adds in an order that depends on
    shapes and memory formats alone: the result is deterministic.
    """
    ungated, x = _addressable(ungated), _addressable(x)
    if x.numel() == 0:
        return torch.zeros_like(kernel_h), torch.zeros_like(kernel_w), torch.zeros_like(local)
    columns = _matrix_gradient(ungated, x, kernel_h)
    rows = _matrix_gradient(ungated.transpose(2, 3), x.transpose(2, 3), kernel_w)
    return (
        diagonal_sums(rows, kernel_h.shape[1]).to(kernel_h.dtype),
        diagonal_sums(columns, kernel_w.shape[1]).to(kernel_w.dtype),
        _local_gradient(ungated, x, local.shape[2]).to(local.dtype),
    )


def _matrix_gradient(ungated: Tensor, x: Tensor, kernel_h: Tensor) -> Tensor:
    """The gradient of T_w, [C, W, W] in fp32."""
    batch, channels, height, width = x.shape
    tiling = _default_tiling(x)
    groups, column_blocks = ceil_div(channels, tiling.block_c), ceil_div(width, tiling.block_j)
    chunk_images = ceil_div(batch, max(1, min(batch, PROGRAMS // (groups * column_blocks))))
    chunks = ceil_div(batch, chunk_images)
    partial = torch.empty(chunks, channels, width, width, device=x.device, dtype=torch.float32)
    with torch.cuda.device_of(x):
        matrix_gradient_kernel[(chunks * groups * column_blocks,)](
            ungated, x, kernel_h.contiguous(), partial,
            batch, channels, height, width, kernel_h.shape[1], groups, column_blocks, chunk_images,
            *ungated.stride(), *x.stride(),
            BLOCK_C=tiling.block_c, BLOCK_I=tiling.block_i, BLOCK_J=tiling.block_j, BLOCK_P=tiling.block_p,
            PAD_H=padded(height), PAD_W=padded(width), num_warps=tiling.warps, num_stages=tiling.stages,
        )  # fmt: skip
    return partial.sum(0)


def _local_gradient(ungated: Tensor, x: Tensor, side: int) -> Tensor:
    batch, channels, height, width = x.shape
    pad_taps = next_power_of_two(side * side)
    block_c = min(next_power_of_two(channels), 16 if is_channels_last(x) else 1)
    block_n = max(1, min(4096 // (block_c * pad_taps), next_power_of_two(batch * height * width)))
    groups = ceil_div(channels, block_c)
    positions = batch * height * width
    chunk_positions = block_n * ceil_div(positions, block_n * max(1, 4 * PROGRAMS // groups))
    chunks = ceil_div(positions, chunk_positions)
    partial = torch.empty(chunks, channels, side * side, device=x.device, dtype=torch.float32)
    with torch.cuda.device_of(x):
        local_gradient_kernel[(chunks * groups,)](
            ungated, x, partial, positions, channels, height, width, groups, chunk_positions,
            *ungated.stride(), *x.stride(),
            SIDE=side, PAD_TAPS=pad_taps, BLOCK_C=block_c, BLOCK_N=block_n, num_warps=4,
        )  # fmt: skip
    return partial.sum(0).view(channels, 1, side, side)


def _default_tiling(x: Tensor) -> Tiling:
    channels_last, itemsize = is_channels_last(x), x.dtype.itemsize
    return candidate_tilings(x.shape[1], x.shape[3], channels_last=channels_last, itemsize=itemsize)[0]


def _addressable(t: Tensor) -> Tensor:
    """Copied only if the elements of one image exceed 32-bit offsets, as in a huge batch, transposed."""
    reach = sum(max(size - 1, 0) * stride for size, stride in zip(t.shape[1:], t.stride()[1:], strict=True))
    return t if reach <= MAX_OFFSET else t.contiguous()
