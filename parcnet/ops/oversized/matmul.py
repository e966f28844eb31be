"""Oversized convolution as two batched products with Toeplitz matrices: half the multiply-adds of `conv`."""

import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops.oversized.problem import Algorithm, Problem

MATRIX_LIMIT = 2**30  # bytes of Toeplitz matrices one call may build


def oversized_conv2d_matmul(x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> Tensor:
    """z = T_h x T_w', a pair of products a channel: B C H W (H + W) multiply-adds, none spent on padding.

    T_h [C, H, H] and T_w [C, W, W] are the Toeplitz matrices of the kernels (`toeplitz`).
    """
    rows = toeplitz(kernel_h, x.shape[2])
    columns = toeplitz(kernel_w, x.shape[3])
    y = torch.einsum("cip,bcpj->bcij", rows, x)
    return torch.einsum("cjq,bciq->bcij", columns, y)


def toeplitz(kernel: Tensor, length: int) -> Tensor:
    """T[c,i,p] = kernel[c, p-i+length-1]: the matrix whose product with a column of the map is Eq. 1.

    Shapes: kernel [C, L], L odd and at most 2*length-1 (missing outer taps are zero) -> [C, length, length].
    """
    margin = (2 * length - 1 - kernel.shape[1]) // 2
    windows = F.pad(kernel, [margin, margin]).unfold(1, length, 1)  # windows[c,m,p] = kernel[c, m+p]
    return windows.flip(1)


def _refuses(problem: Problem) -> str | None:
    matrices = problem.channels * (problem.height**2 + problem.width**2) * problem.dtype.itemsize
    if matrices > MATRIX_LIMIT:
        return f"its Toeplitz matrices would take {matrices / 2**30:.1f} GiB, more than {MATRIX_LIMIT / 2**30:.0f} GiB"
    return None


MATMUL = Algorithm("matmul", oversized_conv2d_matmul, _refuses)
