"""Oversized convolution as two batched products with Toeplitz matrices: half the multiply-adds of `conv`."""

import torch
from torch import Tensor

from parcnet.ops.oversized.problem import Algorithm, Problem
from parcnet.ops.oversized.separable import Passes, separable
from parcnet.ops.oversized.toeplitz import diagonal_sums, toeplitz

MATRIX_BYTES = 2**25  # of the Toeplitz matrices built at a time


def oversized_conv2d_matmul(x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> Tensor:
    """z = T_h x T_w', a pair of products a channel: B C H W (H + W) multiply-adds, none spent on padding.

    T_h [C, H, H] and T_w [C, W, W] are the Toeplitz matrices of the kernels (`toeplitz`), built for as many channels
    at a time as fit into MATRIX_BYTES and rebuilt for the gradients: memory stays linear in the size of the map.
    """
    return separable(x, kernel_h, kernel_w, _PASSES)


def _correlate(planes: Tensor, matrix: Tensor, dim: int) -> Tensor:
    if dim == 1:
        return torch.bmm(matrix, planes.flatten(2)).view(planes.shape)
    return torch.bmm(planes.flatten(1, 2), matrix.transpose(1, 2)).view(planes.shape)


def _products(planes: Tensor, upstream: Tensor, taps: int, dim: int) -> Tensor:  # noqa: ARG001 - `Passes.products`
    if dim == 1:
        return torch.bmm(upstream.flatten(2), planes.flatten(2).transpose(1, 2))
    return torch.bmm(upstream.flatten(1, 2).transpose(1, 2), planes.flatten(1, 2))


def _lags(products: Tensor, taps: int, side: int) -> Tensor:  # noqa: ARG001 - `Passes.lags`; the matrix has the side
    return diagonal_sums(products, taps)


def _bytes_a_channel(height: int, width: int, dtype: torch.dtype) -> int:
    return (height**2 + width**2) * dtype.itemsize


def _channels(height: int, width: int, dtype: torch.dtype) -> int:
    return MATRIX_BYTES // _bytes_a_channel(height, width, dtype)


def _refuses(problem: Problem) -> str | None:
    matrices = _bytes_a_channel(problem.height, problem.width, problem.dtype)
    if matrices > MATRIX_BYTES:
        size, limit = matrices / 2**20, MATRIX_BYTES / 2**20
        return f"the Toeplitz matrices of one channel would take {size:.0f} MiB, more than {limit:.0f} MiB"
    return None


_PASSES = Passes(toeplitz, _correlate, _products, _lags, _channels)
MATMUL = Algorithm("matmul", oversized_conv2d_matmul, _refuses)
