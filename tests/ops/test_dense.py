"""The merged kernel of supplement H does what oversized and local convolution do together."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops import merge, oversized_conv2d

Problems = Callable[..., list[Tensor]]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("local_side", [None, 1, 3, 7])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (7, 7), (14, 9)])
def test_suppl_h_one_dense_kernel_equals_oversized_plus_local(
    problem: Problems, dtype: torch.dtype, local_side: int | None, height: int, width: int
) -> None:
    x, kernel_h, kernel_w = (t.detach() for t in problem(2, 3, height, width))
    wanted = oversized_conv2d(x, kernel_h, kernel_w, algorithm="reference")
    local = None
    if local_side is not None:
        local = torch.randn(3, 1, local_side, local_side, dtype=torch.float64)
        wanted = wanted + F.conv2d(x, local, padding=local_side // 2, groups=3)
        local = local.to(dtype)
    merged = merge(kernel_h.to(dtype), kernel_w.to(dtype), local)
    assert merged.shape == (3, max(2 * height - 1, local_side or 0), max(2 * width - 1, local_side or 0))
    got = F.conv2d(x.to(dtype), merged[:, None], padding=(merged.shape[1] // 2, merged.shape[2] // 2), groups=3)
    tolerance = 64 * torch.finfo(dtype).eps * wanted.abs().max().item()
    torch.testing.assert_close(got.double(), wanted, rtol=0, atol=tolerance)


def test_local_may_come_with_or_without_the_convolutions_axis() -> None:
    kernel_h, kernel_w, local = torch.randn(2, 5), torch.randn(2, 7), torch.randn(2, 1, 3, 3)
    assert torch.equal(merge(kernel_h, kernel_w, local), merge(kernel_h, kernel_w, local[:, 0]))


def test_gradients_reach_all_three_kernels() -> None:
    kernels = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((2, 5), (2, 3), (2, 3, 3))]
    assert torch.autograd.gradcheck(merge, kernels)


def test_half_precision_is_rounded_once() -> None:
    kernels = [torch.randn(s).bfloat16() for s in ((2, 5), (2, 7), (2, 3, 3))]
    exact = merge(*(k.double() for k in kernels))
    torch.testing.assert_close(merge(*kernels).double(), exact, rtol=2**-8, atol=0)


@pytest.mark.parametrize("shape", [(2, 4, 4), (3, 1, 3, 3), (2, 2, 3, 3)])
def test_a_local_kernel_of_another_kind_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"local is .* 2 channels like the kernels"):
        merge(torch.randn(2, 5), torch.randn(2, 5), torch.randn(shape))
