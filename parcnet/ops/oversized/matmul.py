"""Oversized convolution as two batched products with Toeplitz matrices: half the multiply-adds of `conv`."""

import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops.oversized.problem import Algorithm, Problem
from parcnet.ops.oversized.separable import Passes, separable

MATRIX_BYTES = 2**25  # of Toeplitz matrices that one step builds


def oversized_conv2d_matmul(x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> Tensor:
    """z = T_h x T_w', a pair of products a channel: B C H W (H + W) multiply-adds, none spent on padding.

    T_h [C, H, H] and T_w [C, W, W] are the Toeplitz matrices of the kernels (`toeplitz`), built for as many channels
    at a time as fit into MATRIX_BYTES, and built again for the gradients: no memory grows with the square of the map.
    """
    return separable(x, kernel_h, kernel_w, _PASSES)


def toeplitz(kernel: Tensor, length: int) -> Tensor:
    """T[c,i,p] = kernel[c, p-i+length-1]: the matrix whose product with a column of the map is Eq. 1.

    Shapes: kernel [C, L], L odd and at most 2*length-1 (missing outer taps are zero) -> [C, length, length].
    """
    margin = (2 * length - 1 - kernel.shape[1]) // 2
    windows = F.pad(kernel, [margin, margin]).unfold(1, length, 1)  # windows[c,m,p] = kernel[c, m+p]
    return windows.flip(1)


def diagonal_sums(matrix: Tensor, taps: int) -> Tensor:
    """The transpose of `toeplitz`: entry m of row c is the sum of matrix[c,i,p] over p-i+length-1 = m.

    Row i has to move right by length-1-i. Rows 2*length wide, read as rows one shorter, do so by themselves: row r of
    the reversed order begins r places early. Sums of half precision are taken in single.

    Shapes: [C, length, length] -> [C, taps], the middle ones of 2*length-1.
    """
    length = matrix.shape[1]
    wide = F.pad(matrix.flip(1), [0, length]).flatten(1)[:, : length * (2 * length - 1)]
    skewed = wide.unflatten(1, (length, 2 * length - 1))
    margin = (2 * length - 1 - taps) // 2
    single = torch.promote_types(matrix.dtype, torch.float32)
    return skewed[:, :, margin : margin + taps].sum(1, dtype=single)


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
