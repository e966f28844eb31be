"""Every registered network, at its smallest size here and at full size under the `slow` marker."""

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from parcnet.models.catalogue import names

SMALLEST = 33  # px: odd on purpose; the last maps are 2x1


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "network" in metafunc.fixturenames:
        metafunc.parametrize("network", names())
    if "size" in metafunc.fixturenames:
        full = pytest.param(None, id="full", marks=pytest.mark.slow)
        metafunc.parametrize("size", [pytest.param((SMALLEST, SMALLEST - 7), id="smallest"), full])


@pytest.fixture
def make(network: str, size: tuple[int, int] | None) -> Callable[..., nn.Module]:
    """Builds the network under test for the size under test; weights large enough for every path to matter."""

    def build(**arguments: Any) -> nn.Module:
        torch.manual_seed(0)
        sized = {} if size is None else {"img_size": size}
        model = timm.create_model(network, **{**sized, **arguments}).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "norm" in name and parameter.dim() == 1 and name.endswith("weight"):
                    parameter.fill_(1.0)
        return model

    return build


@pytest.fixture
def image(network: str, size: tuple[int, int] | None) -> Tensor:
    """Two noise images of the size under test."""
    if size is None:
        size = timm.get_pretrained_cfg(network).input_size[-2:]
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
