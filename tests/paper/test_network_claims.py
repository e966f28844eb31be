"""What the papers say of the network, held against the network."""

import pytest
import timm
import torch
from torch import nn

from parcnet.layers import OversizedConv2d, ResScale
from parcnet.models import ParCNetV2, complexity
from parcnet.models.map_sizes import map_sizes

TABLE1 = {
    "parcnetv2_xt": (7.42772, 1.553),
    "parcnetv2_tiny": (24.93514, 4.269),
    "parcnetv2_small": (39.43652, 7.781),
    "parcnetv2_base": (56.36836, 12.492),
}


def small_network(**changes: object) -> nn.Module:
    numbers = {"depths": (1, 1, 1, 1), "dims": (8, 8, 8, 8), "img_size": 64, "num_classes": 4}
    return ParCNetV2(**{**numbers, **changes}).eval().double()


@pytest.mark.parametrize("name", TABLE1)
def test_table1_complexity_of_every_size(name: str) -> None:
    params, macs = TABLE1[name]
    with torch.device("meta"):
        counted = complexity(timm.create_model(name), (3, 224, 224))
    assert round(counted.params / 1e6, 5) == params
    assert round(counted.macs / 1e9, 3) == macs


def test_sec31_kernels_of_the_tiny_network_reach_111_taps() -> None:
    with torch.device("meta"):
        model = timm.create_model("parcnetv2_tiny")
    taps = [stage.blocks[0].spatial.mix.oversized.kernel_h.shape[1] for stage in model.stages]
    assert taps == [111, 55, 27, 13]
    assert map_sizes((224, 224)) == [(56, 56), (28, 28), (14, 14), (7, 7)]


def test_sec41_resscale_is_in_stages_3_and_4_only() -> None:
    with torch.device("meta"):
        model = timm.create_model("parcnetv2_tiny")
    holders = [any(isinstance(m, ResScale) for m in stage.modules()) for stage in model.stages]
    assert holders == [False, False, True, True]


def test_sec31_every_output_of_the_first_block_sees_every_input() -> None:
    """One block is enough; a 7x7 convolution in its place sees a window."""
    torch.manual_seed(0)
    block = small_network().stages[0].blocks[0]
    x = torch.randn(1, 8, 16, 16, dtype=torch.float64, requires_grad=True)
    for row, column in [(0, 0), (15, 3), (8, 8)]:
        (sensitivity,) = torch.autograd.grad(block(x)[0, :, row, column].sum(), x)
        seen = sensitivity.abs().sum((0, 1)) > 0
        assert seen.all()


def test_sec31_position_is_implicit_oversized_tells_places_apart() -> None:
    """The same patch at two places far from each other and the border gives different pooled features.

    Without the oversized part, and without padding effects (the patch stays away from the border), a stack of
    convolutions followed by a mean cannot tell: its answer is equal to rounding.
    """

    def pooled(model: nn.Module, row: int, column: int) -> torch.Tensor:
        x = torch.zeros(1, 8, 32, 32, dtype=torch.float64)
        x[:, :, row : row + 3, column : column + 3] = torch.arange(72.0).reshape(8, 3, 3).double()
        return model(x).mean((2, 3))

    torch.manual_seed(0)
    mix = small_network(img_size=128).stages[0].blocks[0].spatial.mix
    here, there = pooled(mix, 8, 8), pooled(mix, 8, 18)
    assert ((here - there).norm() / here.norm()) > 1e-2
    torch.testing.assert_close(pooled(mix.local, 8, 8), pooled(mix.local, 8, 18), rtol=1e-12, atol=1e-12)


def test_supplementary_b_order_of_vertical_and_horizontal_does_not_matter_in_the_network() -> None:
    """Transposing the image and exchanging each kernel pair (and transposing each 2-D kernel) transposes the maps."""
    torch.manual_seed(0)
    model = small_network()
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    wanted = model.forward_features(image).transpose(2, 3)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, OversizedConv2d):
                module.kernel_h, module.kernel_w = module.kernel_w, module.kernel_h
            elif isinstance(module, nn.Conv2d):
                module.weight.copy_(module.weight.transpose(2, 3).clone())
    torch.testing.assert_close(model.forward_features(image.transpose(2, 3)), wanted, rtol=1e-10, atol=1e-10)


def test_sec31_taps_beyond_2h_minus_1_have_no_effect() -> None:
    torch.manual_seed(0)
    layer = OversizedConv2d(4, 9, kernel_fit="fixed").double()
    x = torch.randn(1, 4, 6, 5, dtype=torch.float64)
    layer(x).sum().backward()
    assert (layer.kernel_h.grad[:, :3] == 0).all()
    assert (layer.kernel_h.grad[:, -3:] == 0).all()
    assert (layer.kernel_h.grad[:, 3:-3] != 0).all()


def test_untrained_network_starts_as_the_release_with_small_branches() -> None:
    """facts of the release: dividing by the L2 norm makes each normed vector of length 1, so branches start small."""
    torch.manual_seed(0)
    model = timm.create_model("parcnetv2_xt", img_size=64).eval()
    x = model.stem(torch.randn(1, 3, 64, 64))
    block = model.stages[0].blocks[0]
    normed = block.norm1(x)
    torch.testing.assert_close(normed.norm(dim=1), torch.ones(1, 16, 16), rtol=1e-3, atol=1e-3)
    assert block.spatial(normed).norm() < 0.05 * x.norm()
