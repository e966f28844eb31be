"""The lengths of the circular convolution (arXiv v1, Sec. 3.1)."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from parcnet.ops import oversized_conv2d
from parcnet.ops.oversized import fft


@given(least=st.integers(1, 5000))
def test_good_lengths_have_small_factors_and_waste_little(least: int) -> None:
    length = fft.good_length(least)
    rest = length
    for prime in (2, 3, 5, 7):
        while rest % prime == 0:
            rest //= prime
    assert rest == 1
    assert least <= length <= max(least + 2, 1.1 * least)


@pytest.mark.parametrize("side", [1, 2, 5, 9])
@pytest.mark.parametrize("shorter", [0, 1])
def test_a_transform_of_2h_minus_1_does_not_alias(monkeypatch: pytest.MonkeyPatch, side: int, shorter: int) -> None:
    """Whatever aliases lands outside the kept outputs: the bound that the module proves, without rounding up."""
    monkeypatch.setattr(fft, "good_length", lambda least: least)
    taps = 2 * max(side - shorter, 1) - 1
    shapes = [(1, 2, side, side), (2, taps), (2, taps)]
    operands = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    wanted = oversized_conv2d(*operands, algorithm="reference")
    got = oversized_conv2d(*operands, algorithm="fft")
    upstream = torch.randn_like(wanted)
    gradients = [torch.autograd.grad(y, operands, upstream) for y in (got, wanted)]
    for g, w in zip((got, *gradients[0]), (wanted, *gradients[1]), strict=True):
        torch.testing.assert_close(g, w, rtol=1e-10, atol=1e-10)


def test_half_precision_is_transformed_in_float32() -> None:
    operands = [torch.randn(s).bfloat16() for s in ((1, 2, 20, 20), (2, 39), (2, 39))]
    exact = oversized_conv2d(*(t.float() for t in operands), algorithm="reference")
    got = oversized_conv2d(*operands, algorithm="fft")
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.float(), exact, rtol=2**-8, atol=1e-4)
