"""No copy and no memory format conversion inside a block (counted by the profiler)."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from parcnet.layers import ParCNetV2Block
from parcnet.layers.inference import freeze_block

COPIES = {"aten::copy_", "aten::clone", "aten::_to_copy"}


def copies_of_maps(layer: nn.Module, x: Tensor) -> list[str]:
    """Names of the copies that touch something as large as the map; kernels and norms may be laid out anew."""
    with torch.inference_mode():
        layer(x)
        with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiled:
            layer(x)
    found = []
    for event in profiled.events():
        shape = event.input_shapes[0] if event.input_shapes else []
        if event.name in COPIES and torch.Size(shape or [0]).numel() >= x.numel():
            found.append(event.name)
    return found


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    """With one thread torch computes small 1x1 convolutions by another way, which spreads the bias by a copy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 48, 20, 24).contiguous(memory_format=torch.channels_last)


@pytest.mark.filterwarnings("ignore::UserWarning:torch.profiler")  # it warns that a machine has no GPU to profile
@pytest.mark.parametrize("form", ["block", "frozen block"])
def test_a_block_copies_no_map(form: str, x: Tensor) -> None:
    block: nn.Module = ParCNetV2Block(48, (20, 24), residual="res_scale", algorithm="conv").eval()
    if form == "frozen block":
        assert isinstance(block, ParCNetV2Block)
        block = freeze_block(block, (20, 24), "conv")
    assert copies_of_maps(block, x) == []


@pytest.mark.filterwarnings("ignore::UserWarning:torch.profiler")
def test_the_count_notices_a_copy(x: Tensor) -> None:
    assert copies_of_maps(nn.Flatten(0), x) != []
