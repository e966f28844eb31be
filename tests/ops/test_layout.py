"""Every algorithm returns the memory format of its input."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from parcnet.ops import ALGORITHMS, oversized_conv2d
from parcnet.ops.layout import empty_map, is_channels_last

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
    """The input from a bifurcate unit: one branch of a map with twice the channels."""
    x, kernel_h, kernel_w = problem(2, 6, 5, 4, torch.float32)
    deep = torch.cat([x, x], 1).detach().contiguous(memory_format=torch.channels_last)
    y = oversized_conv2d(deep[:, 6:], kernel_h, kernel_w, algorithm=algorithm)
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y, oversized_conv2d(x, kernel_h, kernel_w, algorithm="reference"), rtol=1e-4, atol=1e-4)


def test_channels_last_means_adjacent_channels_of_a_map_that_is_not_contiguous() -> None:
    contiguous = torch.empty(2, 4, 3, 5)
    channels_last = contiguous.contiguous(memory_format=torch.channels_last)
    assert not is_channels_last(contiguous)
    assert not is_channels_last(contiguous[:, :2])
    assert is_channels_last(channels_last)
    assert is_channels_last(channels_last[:, 2:])
    for both in (torch.empty(2, 1, 3, 5), torch.empty(2, 4, 1, 1), torch.empty(0, 4, 3, 5)):
        assert not is_channels_last(both.contiguous(memory_format=torch.channels_last))


def test_an_empty_map_is_dense_and_keeps_the_memory_format() -> None:
    channels_last = torch.empty(2, 4, 3, 5).contiguous(memory_format=torch.channels_last)
    assert empty_map(channels_last[:, 1:]).is_contiguous(memory_format=torch.channels_last)
    assert empty_map(channels_last.contiguous()[:, 1:]).is_contiguous()
