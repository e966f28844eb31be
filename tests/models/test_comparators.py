"""The comparators: their published counts, and that merging their small kernels changes only the cost."""

import pytest
import timm
import torch
from timm.utils import reparameterize_model
from torch import Tensor, nn

from parcnet.layers.parallel_depthwise import ParallelDepthwise
from parcnet.models import complexity

NARROW = {"depths": (1, 1, 2, 1), "dims": (18, 20, 22, 24), "num_classes": 5}


@pytest.mark.parametrize(
    ("name", "params", "macs", "left"),
    [
        ("replknet_31b", 79.9, 15.4, None),
        ("slak_tiny", 50.7, 8.7, (30, 5.0)),
        ("slak_small", 91.1, 16.6, (55, 9.8)),
        ("slak_base", 158.0, 28.5, (95, 17.1)),
    ],
)
def test_published_counts(name: str, params: float, macs: float, left: tuple[float, float] | None) -> None:
    """RepLKNet's are of all weights; SLaK's tables print the six tenths of parameters that are not zero, `left`."""
    with torch.device("meta"):
        counted = complexity(timm.create_model(name), (3, 224, 224))
    millions, billions = counted.params / 1e6, counted.macs / 1e9
    assert millions == pytest.approx(params, abs=0.06)
    assert billions == pytest.approx(macs, abs=0.05)
    if left is not None:
        assert 0.6 * millions == pytest.approx(left[0], abs=0.5)
        assert 0.6 * billions == pytest.approx(left[1], abs=0.25)


def trained(name: str) -> nn.Module:
    """Norms as after training: statistics and weights of their own."""
    model = timm.create_model(name, **NARROW).eval().double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    return model


@pytest.mark.parametrize(("name", "kernels"), [("replknet_31b", [(31, 31)]), ("slak_tiny", [(51, 5), (5, 51)])])
def test_merged_kernels_give_the_same_logits(name: str, kernels: list[tuple[int, int]]) -> None:
    model = trained(name)
    image = torch.randn(2, 3, 64, 48, dtype=torch.float64)
    with torch.no_grad():
        wanted = model(image)
        merged = reparameterize_model(model)
        assert torch.equal(model(image), wanted)  # the model itself is left as it was
        torch.testing.assert_close(merged(image), wanted, rtol=1e-9, atol=1e-11)
    first = next(module for module in merged.modules() if isinstance(module, ParallelDepthwise))
    assert [conv.kernel_size for conv in first.branches] == kernels
    assert sum(p.numel() for p in merged.parameters()) < sum(p.numel() for p in model.parameters())


def test_merging_twice_changes_nothing_and_merging_in_training_is_refused() -> None:
    layer = ParallelDepthwise(3, [(5, 5), (9, 9), (3, 7)])
    with pytest.raises(RuntimeError, match=r"model\.eval\(\)"):
        layer.reparameterize()
    layer.eval().reparameterize()
    x = torch.randn(1, 3, 8, 8)
    once: Tensor = layer(x)
    layer.reparameterize()
    assert [conv.kernel_size for conv in layer.branches] == [(9, 9)]
    assert torch.equal(layer(x), once)


def test_the_number_of_kernels_must_be_that_of_the_stages() -> None:
    for name in ("replknet_31b", "slak_tiny"):
        with pytest.raises(ValueError, match="one entry a stage each"):
            timm.create_model(name, kernels=(31, 29))
