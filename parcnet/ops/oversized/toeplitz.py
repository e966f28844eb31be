"""The Toeplitz matrices of an oversized kernel, and their adjoint, which gathers the kernel's gradient."""

import torch
from torch import Tensor
from torch.nn import functional as F


def toeplitz(kernel: Tensor, length: int) -> Tensor:
    """T[c,i,p] = kernel[c, p-i+length-1]: the matrix whose product with a column of the map is Eq. 1.

    Shapes: kernel [C, L], L odd and at most 2*length-1 (missing outer taps are zero) -> [C, length, length].
    """
    margin = (2 * length - 1 - kernel.shape[1]) // 2
    windows = F.pad(kernel, [margin, margin]).unfold(1, length, 1)  # windows[c,m,p] = kernel[c, m+p]
    return windows.flip(1)


def diagonal_sums(matrix: Tensor, taps: int) -> Tensor:
    """The adjoint of `toeplitz`: sums[c,m] is the sum of matrix[c,i,p] over p-i+length-1 = m.

    Row i moves right by length-1-i: the reversed rows, padded to 2*length and read with one column fewer, start one
    column later each. Half precision is summed in float32, which is also the dtype of the result.

    Shapes: [C, length, length] -> [C, taps], the central ones of 2*length-1; taps odd.
    """
    length = matrix.shape[1]
    padded = F.pad(matrix.flip(1), [0, length]).flatten(1)[:, : length * (2 * length - 1)]
    skewed = padded.unflatten(1, (length, 2 * length - 1))
    margin = (2 * length - 1 - taps) // 2
    single = torch.promote_types(matrix.dtype, torch.float32)
    return skewed[:, :, margin : margin + taps].sum(1, dtype=single)
