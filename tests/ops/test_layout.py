"""Every algorithm answers in the memory layout it was asked in."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from parcnet.ops import ALGORITHMS, oversized_conv2d

Problems = Callable[..., list[Tensor]]
SHAPES = [(2, 4, 6, 5), (1, 20, 7, 7), (3, 17, 1, 8), (2, 3, 9, 1), (1, 1, 4, 4), (2, 5, 1, 1), (4, 40, 48, 48)]


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "auto"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layout_is_kept(
    problem: Problems, algorithm: str, dtype: torch.dtype, memory_format: torch.memory_format, shape: tuple[int, ...]
) -> None:
    if algorithm == "dense" and shape[2] > 10:
        shape = (4, 40, 12, 12)
    x, kernel_h, kernel_w = problem(*shape, dtype)
    x = x.detach().contiguous(memory_format=memory_format)
    with torch.no_grad():
        assert oversized_conv2d(x, kernel_h, kernel_w, algorithm=algorithm).is_contiguous(memory_format=memory_format)
    y = oversized_conv2d(x.requires_grad_(), kernel_h, kernel_w, algorithm=algorithm)
    assert y.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name != "reference"])
@pytest.mark.parametrize("batch", [1, 3])
def test_gradients_of_channels_last_maps_are_channels_last(problem: Problems, algorithm: str, batch: int) -> None:
    x, kernel_h, kernel_w = problem(batch, 20, 7, 6, torch.float32)
    x = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    y = oversized_conv2d(x, kernel_h, kernel_w, algorithm=algorithm)
    (gradient,) = torch.autograd.grad(y, x, torch.ones_like(y))
    assert gradient.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "auto"])
def test_half_of_the_channels_of_a_channels_last_map_counts_as_channels_last(problem: Problems, algorithm: str) -> None:
    """What a bifurcate unit hands over: one branch of a map twice as deep."""
    x, kernel_h, kernel_w = problem(2, 6, 5, 4, torch.float32)
    deep = torch.cat([x, x], 1).detach().contiguous(memory_format=torch.channels_last)
    y = oversized_conv2d(deep[:, 6:], kernel_h, kernel_w, algorithm=algorithm)
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y, oversized_conv2d(x, kernel_h, kernel_w, algorithm="reference"), rtol=1e-4, atol=1e-4)
