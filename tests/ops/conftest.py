"""Fixtures of the operators' tests: the operands of a problem, and an algorithm's outputs and gradients."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from parcnet.ops import oversized_conv2d


def _problem(batch: int, channels: int, height: int, width: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    shapes = [(batch, channels, height, width), (channels, 2 * height - 1), (channels, 2 * width - 1)]
    return [torch.randn(shape, dtype=torch.float64).to(dtype).requires_grad_() for shape in shapes]


def _values_and_gradients(algorithm: str, inputs: list[Tensor], upstream: Tensor) -> list[Tensor]:
    output = oversized_conv2d(*inputs, algorithm=algorithm)
    return [output.detach(), *torch.autograd.grad(output, inputs, upstream.to(output.dtype))]


@pytest.fixture(scope="session")
def problem() -> Callable[..., list[Tensor]]:
    """(batch, channels, height, width, dtype=float64) -> x, kernel_h, kernel_w that ask for gradients."""
    return _problem


@pytest.fixture(scope="session")
def values_and_gradients() -> Callable[[str, list[Tensor], Tensor], list[Tensor]]:
    """(algorithm, inputs, upstream gradient) -> output and the gradients of x, kernel_h, kernel_w."""
    return _values_and_gradients
