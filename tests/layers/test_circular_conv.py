"""The layers of ParCNetV1, each used alone."""

import pytest
import torch
from torch import nn

from parcnet.layers import CircularConv1d, ConvNeXtBlock, LineEmbedding, ParC, ParCBothWays
from parcnet.layers.patch_conv import PatchDownsample, PatchStem
from parcnet.ops import circular_conv2d, fit_circular

LAYERS = {
    "CircularConv1d h": lambda: CircularConv1d(6, 5, "h"),
    "CircularConv1d w": lambda: CircularConv1d(6, 7, "w", bias=False),
    "LineEmbedding": lambda: LineEmbedding(6, 5, "h"),
    "ParC": lambda: ParC(6, (5, 7)),
    "ParCBothWays": lambda: ParCBothWays(6, (5, 7)),
    "ConvNeXtBlock": lambda: ConvNeXtBlock(6, ParC(6, (5, 7)), drop_path=0.1),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("size", [(5, 7), (1, 1), (12, 3)], ids=str)
def test_every_layer_keeps_shape_and_layout_and_trains_at_any_size(name: str, size: tuple[int, int]) -> None:
    layer = LAYERS[name]()
    x = torch.randn(2, 6, *size).contiguous(memory_format=torch.channels_last).requires_grad_()
    y = layer(x)
    assert y.shape == x.shape
    assert y.is_contiguous(memory_format=torch.channels_last)
    y.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())


@pytest.mark.parametrize("size", [(5, 7), (9, 4), (1, 20)], ids=str)
def test_parc_is_the_operator_with_fitted_kernels_and_embeddings(size: tuple[int, int]) -> None:
    layer = ParC(5, (5, 7))  # an odd number of channels: three go down, two across
    nn.init.normal_(layer.vertical.bias)
    x = torch.randn(2, 5, *size)
    parts = []
    for name, part, axis, length in (("vertical", x[:, :3], "h", size[0]), ("horizontal", x[:, 3:], "w", size[1])):
        circular, position = getattr(layer, name), getattr(layer, f"{name}_position")
        fitted = (fit_circular(circular.kernel, length), fit_circular(position.weight, length))
        parts.append(
            circular_conv2d(part, fitted[0], axis=axis, bias=circular.bias, position=fitted[1], algorithm="reference")
        )
    torch.testing.assert_close(layer(x), torch.cat(parts, 1))


def test_without_embeddings_the_order_of_the_axes_makes_no_difference() -> None:
    layer = ParCBothWays(6, (5, 7), position=False).eval()
    down, across = layer.vertical_first, layer.horizontal_first
    across.load_state_dict(
        {name.translate(str.maketrans("12", "21")): value for name, value in down.state_dict().items()}
    )
    x = torch.randn(2, 3, 5, 7)
    y = layer(torch.cat([x, x], 1))
    torch.testing.assert_close(y[:, :3], y[:, 3:])


@pytest.mark.parametrize("name", ["CircularConv1d h", "LineEmbedding", "ParC", "ParCBothWays"])
def test_weights_of_another_map_size_are_fitted_when_loaded(name: str) -> None:
    source, layer = LAYERS[name]().eval(), LAYERS[name]().eval()
    for module in layer.modules():
        if isinstance(module, (CircularConv1d, LineEmbedding)):
            module.set_map_size((9, 3))
    layer.load_state_dict(source.state_dict())
    x = torch.randn(2, 6, 9, 3)
    torch.testing.assert_close(layer(x), source(x))


def test_set_map_size_replaces_parameters_and_keeps_what_is_frozen() -> None:
    layer = CircularConv1d(3, 5, "w")
    layer.kernel.requires_grad_(False)
    layer.set_map_size((7, 2))
    assert layer.kernel.shape == (3, 2)
    assert isinstance(layer.kernel, nn.Parameter)
    assert not layer.kernel.requires_grad


def test_convnext_block_scales_its_branch() -> None:
    mixer = nn.Conv2d(4, 4, 7, padding=3, groups=4)
    block = ConvNeXtBlock(4, mixer, layer_scale=0.5)
    x = torch.randn(2, 4, 6, 5)
    torch.testing.assert_close(block(x), x + 0.5 * block.channel_mixer(block.norm(mixer(x))))
    assert isinstance(ConvNeXtBlock(4, mixer, layer_scale=0).layer_scale, nn.Identity)


@pytest.mark.parametrize(("side", "stemmed", "halved"), [(3, 1, 2), (4, 1, 2), (7, 2, 4), (8, 2, 4), (33, 8, 17)])
def test_patches_are_completed_by_one_line_of_zeros(side: int, stemmed: int, halved: int) -> None:
    x = torch.randn(1, 3, side, side)
    stem, downsample = PatchStem(3, 8), PatchDownsample(3, 8)
    assert stem(x).shape[2:] == (stemmed, stemmed)
    assert downsample(x).shape[2:] == (halved, halved)
    whole = nn.functional.pad(downsample.norm(x), (0, side % 2, 0, side % 2))
    torch.testing.assert_close(downsample(x), downsample.conv(whole))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CircularConv1d(3, 0, "h"), "at least 1"),
        (lambda: CircularConv1d(3, 4, "v"), "axis"),
        (lambda: CircularConv1d(3, 4, "h", algorithm="matmul"), "'matmul'"),
        (lambda: LineEmbedding(0, 4, "h"), "at least 1"),
        (lambda: ParC(1, 4), "one for each half"),
    ],
)
def test_wrong_arguments_are_named_before_anything_runs(build, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
