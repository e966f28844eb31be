"""Every registered network: narrow, with its own options; and at full size, under the `slow` marker."""

import inspect
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from parcnet.models.catalogue import names

SMALLEST = (33, 26)  # px: odd on purpose; the last maps are 2x1
NARROW = {"depths": (1, 1, 2, 1), "dims": (8, 16, 24, 32)}
# narrow, these are the network named: what differs is depths and dims alone
SIZES_OF = {
    "parcnetv2_tiny": "parcnetv2_xt",
    "parcnetv2_small": "parcnetv2_xt",
    "parcnetv2_base": "parcnetv2_xt",
    "parcnetv2_26m": "parcnetv2_10m",
    "parc_convnext_tiny": "parc_convnext_xt",
    "slak_small": "slak_tiny",
    "slak_base": "slak_tiny",
}
# rows of ablations: at full size they repeat the network whose name they extend
ROWS_OF = ("parcnetv2_xt_", "parcnetv2_10m_")

# 91 to 158 million parameters of a comparator whose smallest size is tested at full size
TOO_LARGE = ("slak_small", "slak_base")


@cache
def arguments_of(network: str) -> frozenset[str]:
    """Names of the arguments of the network's class."""
    with torch.device("meta"):
        kind = type(timm.create_model(network))
    return frozenset(inspect.signature(kind.__init__).parameters)


def only_taken(network: str, **arguments: Any) -> dict[str, Any]:
    """Those of `arguments` that the network takes."""
    return {name: value for name, value in arguments.items() if name in arguments_of(network)}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        narrow = [pytest.param((name, False), id=name) for name in names() if name not in SIZES_OF]
        whole = [name for name in names() if not name.startswith(ROWS_OF) and name not in TOO_LARGE]
        full = [pytest.param((name, True), id=f"{name}-full", marks=pytest.mark.slow) for name in whole]
        metafunc.parametrize("case", [*narrow, *full])


@pytest.fixture
def network(case: tuple[str, bool]) -> str:
    """Name of the network under test."""
    return case[0]


@pytest.fixture
def taken(network: str) -> Callable[..., dict[str, Any]]:
    """Filters arguments down to those that the network under test takes."""
    return partial(only_taken, network)


@pytest.fixture
def make(case: tuple[str, bool]) -> Callable[..., nn.Module]:
    """Builds the network under test; weights large enough for every path to matter."""
    network, full = case

    def build(**arguments: Any) -> nn.Module:
        torch.manual_seed(0)
        size = {} if full else only_taken(network, **NARROW, img_size=SMALLEST)
        model = timm.create_model(network, **{**size, **arguments}).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.dim() == 1 and (("norm" in name and name.endswith("weight")) or "layer_scale" in name):
                    parameter.fill_(1.0)
        return model

    return build


@pytest.fixture
def image(case: tuple[str, bool]) -> Tensor:
    """Two noise images of the size under test."""
    network, full = case
    size = timm.get_pretrained_cfg(network).input_size[-2:] if full else SMALLEST
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
