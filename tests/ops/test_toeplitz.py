"""The Toeplitz matrix of Eq. 1 and its adjoint."""

import pytest
import torch

from parcnet.ops.oversized.toeplitz import diagonal_sums, toeplitz


def test_toeplitz_is_the_matrix_of_eq1() -> None:
    kernel = torch.arange(1.0, 6.0)[None]
    assert toeplitz(kernel, 3).tolist() == [[[3, 4, 5], [2, 3, 4], [1, 2, 3]]]
    assert toeplitz(kernel[:, 1:-1], 3).tolist() == [[[3, 4, 0], [2, 3, 4], [0, 2, 3]]]


def test_diagonal_sums_add_up_each_diagonal() -> None:
    matrix = torch.arange(1.0, 10.0).view(1, 3, 3)
    assert diagonal_sums(matrix, 5).tolist() == [[7, 4 + 8, 1 + 5 + 9, 2 + 6, 3]]
    assert diagonal_sums(matrix, 1).tolist() == [[1 + 5 + 9]]


@pytest.mark.parametrize("length", [1, 2, 5, 8])
def test_diagonal_sums_are_the_adjoint_of_toeplitz(length: int) -> None:
    for taps in range(1, 2 * length, 2):
        kernel = torch.randn(2, taps, dtype=torch.float64, requires_grad=True)
        matrix = torch.randn(2, length, length, dtype=torch.float64)
        (gradient,) = torch.autograd.grad((toeplitz(kernel, length) * matrix).sum(), [kernel])
        torch.testing.assert_close(diagonal_sums(matrix, taps), gradient)


def test_diagonals_in_half_precision_are_summed_in_float32() -> None:
    matrix = torch.ones(1, 257, 257, dtype=torch.bfloat16)  # bfloat16 cannot hold 257
    sums = diagonal_sums(matrix, 1)
    assert sums.dtype == torch.float32
    assert sums.item() == 257
