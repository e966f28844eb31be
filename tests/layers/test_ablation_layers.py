"""The layers of the papers' ablations, each compared with its formula."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.layers import (
    ChannelBGU,
    FeedForward,
    OversizedConv1d,
    OversizedConv2d,
    ResidualBlock,
    SpatialBGU,
    SpatialSeries,
    token_mix,
)
from parcnet.layers.local_global_split import LocalGlobalSplit
from parcnet.layers.split_spatial_bgu import SplitSpatialBGU
from parcnet.ops import oversized_conv2d

C, SIZE = 6, (5, 7)
LAYERS = {
    "OversizedConv1d h": lambda: OversizedConv1d(C, 5, "h"),
    "OversizedConv1d w": lambda: OversizedConv1d(C, 7, "w"),
    **{mix: lambda mix=mix: token_mix(C, SIZE, mix) for mix in ("local", "local_first", "local_between", "local_last")},
    "SpatialSeries": lambda: SpatialSeries(C, SIZE),
    "additive SpatialBGU": lambda: SpatialBGU(C, SIZE, gate="add"),
    "additive ChannelBGU": lambda: ChannelBGU(C, gate="add", out_bias=True),
    "FeedForward": lambda: FeedForward(C),
    **{f"LocalGlobalSplit {r}": lambda r=r: LocalGlobalSplit(C, SIZE, ratio=r) for r in (0.0, 0.25, 1.0)},
    "SplitSpatialBGU": lambda: SplitSpatialBGU(C, SIZE, ratio=0.5),
    "ungated SplitSpatialBGU": lambda: SplitSpatialBGU(C, SIZE, ratio=0.5, gate="none"),
}


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, C, *SIZE)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("size", [SIZE, (1, 1), (12, 3)], ids=str)
def test_every_layer_keeps_the_shape_and_trains_at_any_size(name: str, size: tuple[int, int]) -> None:
    layer = LAYERS[name]()
    x = torch.randn(2, C, *size, requires_grad=True)
    y = layer(x)
    assert y.shape == x.shape
    y.square().mean().backward()
    assert x.grad is not None
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_keeps_channels_last_memory(name: str, x: Tensor) -> None:
    y = LAYERS[name]().eval()(x.contiguous(memory_format=torch.channels_last))
    assert y.is_contiguous(memory_format=torch.channels_last)


def test_the_two_halves_are_the_oversized_convolution(x: Tensor) -> None:
    whole = OversizedConv2d(C, SIZE)
    vertical, horizontal = OversizedConv1d(C, 5, "h"), OversizedConv1d(C, 7, "w")
    vertical.load_state_dict({"kernel": whole.kernel_h.detach()})
    horizontal.load_state_dict({"kernel": whole.kernel_w.detach()})
    torch.testing.assert_close(horizontal(vertical(x)), whole(x))
    other = torch.randn(1, C, 9, 4)
    torch.testing.assert_close(horizontal(vertical(other)), whole(other))


@pytest.mark.parametrize("kernel_fit", ["interpolate", "fixed"])
def test_oversized_conv1d_resizes_weights_of_another_map_on_loading(kernel_fit: str) -> None:
    source, target = (OversizedConv1d(C, length, "w", kernel_fit=kernel_fit) for length in (7, 4))
    target.load_state_dict(source.state_dict())
    whole_source, whole_target = (OversizedConv2d(C, (3, length), kernel_fit=kernel_fit) for length in (7, 4))
    whole_source.kernel_w.data.copy_(source.kernel.data)
    whole_target.load_state_dict(whole_source.state_dict())
    assert torch.equal(target.kernel, whole_target.kernel_w)


def test_supplementary_table2_names_the_order_of_the_cascade(x: Tensor) -> None:
    first, between, last = (token_mix(C, SIZE, mix) for mix in ("local_first", "local_between", "local_last"))
    wide = first.oversized
    for cascade in (between, last):
        cascade.local.load_state_dict(first.local.state_dict())
    last.oversized.load_state_dict(wide.state_dict())
    between.vertical.kernel.data.copy_(wide.kernel_h.data)
    between.horizontal.kernel.data.copy_(wide.kernel_w.data)
    ones = torch.ones(C, 1)

    def local(x: Tensor) -> Tensor:
        return F.conv2d(x, first.local.weight, padding=3, groups=C)

    def vertical(x: Tensor) -> Tensor:
        return oversized_conv2d(x, wide.kernel_h, ones, algorithm="reference")

    def horizontal(x: Tensor) -> Tensor:
        return oversized_conv2d(x, ones, wide.kernel_w, algorithm="reference")

    torch.testing.assert_close(first(x), horizontal(vertical(local(x))))
    torch.testing.assert_close(between(x), horizontal(local(vertical(x))))
    torch.testing.assert_close(last(x), local(horizontal(vertical(x))))
    assert not torch.allclose(first(x), last(x), rtol=1e-2, atol=1e-7)  # at the borders they differ


def test_supplementary_table3_adds_the_branches_of_both_units(x: Tensor) -> None:
    spatial, channel = SpatialBGU(C, SIZE, gate="add"), ChannelBGU(C, gate="add")
    gate, feature = spatial.project_in(x).chunk(2, dim=1)
    torch.testing.assert_close(spatial(x), spatial.project_out(gate + spatial.mix(F.gelu(feature))))
    gate, feature = channel.project_in(x).chunk(2, dim=1)
    torch.testing.assert_close(channel(x), channel.project_out(gate + F.gelu(feature)))


def test_table6_row_2_costs_what_the_gated_unit_costs(x: Tensor) -> None:
    series, gated = SpatialSeries(C, SIZE), SpatialBGU(C, SIZE)
    assert sum(p.numel() for p in series.parameters()) == sum(p.numel() for p in gated.parameters())
    hidden = series.mix(F.gelu(series.project_in(x)))
    torch.testing.assert_close(series(x), series.project_out(F.gelu(series.project_mid(hidden))))


def test_sec32_feed_forward_network(x: Tensor) -> None:
    layer = FeedForward(C, expansion=3.75)
    hidden = F.conv2d(x, layer.project_in.weight, layer.project_in.bias)
    assert hidden.shape[1] == 22  # 22.5 rounds to even
    torch.testing.assert_close(layer(x), F.conv2d(F.gelu(hidden), layer.project_out.weight, layer.project_out.bias))


def test_arxiv_sec33_splits_after_the_depthwise_convolution(x: Tensor) -> None:
    """Local channels first, 7 taps each way; then the global ones; concatenated and projected."""
    layer = LocalGlobalSplit(C, SIZE, ratio=0.25)
    split = layer.separable
    seen = F.conv2d(x, layer.depthwise.weight, padding=3, groups=C)
    local = F.conv2d(seen[:, :4], split.local[0].weight, padding=(3, 0), groups=4)
    local = F.conv2d(local, split.local[1].weight, padding=(0, 3), groups=4)
    wide = split.oversized
    wide = oversized_conv2d(seen[:, 4:], wide.kernel_h, wide.kernel_w, algorithm="reference")
    torch.testing.assert_close(layer(x), layer.project(torch.cat([local, wide], dim=1)))


def test_arxiv_sec32_puts_the_gelu_on_the_gate(x: Tensor) -> None:
    layer = SplitSpatialBGU(C, SIZE, ratio=0.5)
    torch.testing.assert_close(layer(x), layer.project_out(layer.mix(x) * F.gelu(layer.project_gate(x))))
    series = SplitSpatialBGU(C, SIZE, ratio=0.5, gate="none")
    torch.testing.assert_close(series(x), series.project_out(F.gelu(series.project_gate(series.mix(x)))))


def test_layer_scale_scales_the_branch_from_its_initial_value(x: Tensor) -> None:
    block = ResidualBlock(C, SpatialBGU(C, SIZE), ChannelBGU(C), residual="layer_scale", layer_scale=0.01).eval()
    halfway = x + 0.01 * block.spatial(block.norm1(x))
    torch.testing.assert_close(block(x), halfway + 0.01 * block.channel(block.norm2(halfway)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: OversizedConv1d(C, 0, "h"), "at least 1, got 6 and 0"),
        (lambda: OversizedConv1d(C, 5, "vertical"), "axis is one of 'h', 'w', got 'vertical'"),
        (lambda: OversizedConv1d(C, 5, "h", kernel_fit="stretch"), "kernel_fit is one of 'interpolate', 'fixed'"),
        (lambda: token_mix(C, SIZE, "cascade"), "mix is one of 'parallel', .* got 'cascade'"),
        (lambda: token_mix(C, SIZE, "local", local_kernel=4), "must be odd, got 4"),
        (lambda: SpatialBGU(C, SIZE, gate="none"), "use SpatialSeries instead"),
        (lambda: ChannelBGU(C, gate="none"), "use FeedForward instead"),
        (lambda: FeedForward(C, expansion=0.01), "no hidden channel"),
        (lambda: LocalGlobalSplit(C, SIZE, ratio=-0.5), r"in \[0, 1\], got -0.5"),
    ],
)
def test_wrong_arguments_are_named_before_anything_runs(build, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
