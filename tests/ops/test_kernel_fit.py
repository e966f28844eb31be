"""Resizing kernels for other map sizes (ICCV 2023, Sec. 3.1, "Adaptability")."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from parcnet.ops import fit_kernel, oversized_conv2d

ODD = st.integers(0, 60).map(lambda n: 2 * n + 1)


@pytest.mark.parametrize("fit", ["interpolate", "fixed"])
@given(old=ODD, new=ODD)
def test_the_centre_tap_is_always_preserved_exactly(fit: str, old: int, new: int) -> None:
    kernel = torch.randn(3, old)
    fitted = fit_kernel(kernel, new, fit)
    assert fitted.shape == (3, new)
    assert torch.equal(fitted[:, new // 2], kernel[:, old // 2])


@given(old=ODD, new=ODD.filter(lambda n: n > 1))
def test_interpolation_is_linear_with_aligned_corners(old: int, new: int) -> None:
    kernel = torch.randn(2, old, dtype=torch.float64)
    expected = F.interpolate(kernel[None], size=new, mode="linear", align_corners=True)[0]
    torch.testing.assert_close(fit_kernel(kernel, new), expected, rtol=1e-12, atol=1e-12)


def test_length_one_takes_the_centre_tap() -> None:
    assert fit_kernel(torch.tensor([[1.0, 2.0, 3.0]]), 1).tolist() == [[2.0]]


@pytest.mark.parametrize(("old", "height"), [(7, 9), (13, 5), (5, 3)])
def test_fixed_equals_a_convolution_with_fixed_padding(old: int, height: int) -> None:
    x, kernel_h, kernel_w = torch.randn(2, 3, height, 6), torch.randn(3, old), torch.randn(3, 11)
    plain = F.conv2d(x, kernel_h[:, None, :, None], padding=(old // 2, 0), groups=3)
    plain = F.conv2d(plain, kernel_w[:, None, None, :], padding=(0, 5), groups=3)
    fitted = fit_kernel(kernel_h, 2 * height - 1, "fixed")
    torch.testing.assert_close(oversized_conv2d(x, fitted, kernel_w), plain)


@pytest.mark.parametrize("fit", ["interpolate", "fixed"])
@pytest.mark.parametrize("lengths", [(5, 9), (9, 5), (5, 1), (1, 7)])
def test_gradients_reach_the_trained_kernel(fit: str, lengths: tuple[int, int]) -> None:
    kernel = torch.randn(2, lengths[0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda k: fit_kernel(k, lengths[1], fit), [kernel])


def test_half_precision_kernels_are_interpolated_in_float32() -> None:
    kernel = torch.randn(3, 111).bfloat16()
    expected = fit_kernel(kernel.double(), 223)
    torch.testing.assert_close(fit_kernel(kernel, 223), expected.bfloat16(), rtol=2**-7, atol=0)


def test_the_sum_of_an_interpolated_kernel_grows_with_its_length() -> None:
    ones = torch.ones(1, 13)
    assert fit_kernel(ones, 27).sum() == 27
    assert fit_kernel(ones, 27, "fixed").sum() == 13


@pytest.mark.parametrize(
    ("kernel", "length", "fit", "message"),
    [
        (torch.randn(2, 4), 7, "interpolate", "must be odd.*got 4"),
        (torch.randn(2, 5), 6, "fixed", "must be odd.*6"),
        (torch.randn(2, 5), 7, "cubic", "'cubic'"),
        (torch.randn(2, 5), 5, "cubic", "'cubic'"),
        (torch.randn(2, 5), -3, "fixed", "must be odd.*-3"),
        (torch.randn(5), 7, "fixed", "1 dimensions"),
    ],
)
def test_wrong_kernels_are_named(kernel: torch.Tensor, length: int, fit: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_kernel(kernel, length, fit)
