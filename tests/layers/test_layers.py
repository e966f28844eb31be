"""The layers, each used alone."""

import os

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from parcnet.layers import (
    BiasFreeLayerNorm2d,
    ChannelBGU,
    LocalGlobalConv,
    OversizedConv2d,
    ParCNetV2Block,
    ResScale,
    SpatialBGU,
    bgu_expansion,
)
from parcnet.layers.block import ResidualBlock
from parcnet.layers.gated_gelu import gated_gelu
from parcnet.layers.parallel_depthwise import ParallelDepthwise
from parcnet.ops import fit_kernel, image_blocks, oversized_conv2d

LAYERS = {
    "OversizedConv2d": lambda: OversizedConv2d(6, (5, 7)),
    "LocalGlobalConv": lambda: LocalGlobalConv(6, (5, 7)),
    "SpatialBGU": lambda: SpatialBGU(6, (5, 7)),
    "ChannelBGU": lambda: ChannelBGU(6),
    "ParCNetV2Block": lambda: ParCNetV2Block(6, (5, 7), residual="res_scale", drop_path=0.1),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("size", [(5, 7), (1, 1), (12, 3)], ids=str)
def test_every_layer_keeps_the_shape_and_trains_at_any_size(name: str, size: tuple[int, int]) -> None:
    layer = LAYERS[name]()
    x = torch.randn(2, 6, *size, requires_grad=True)
    y = layer(x)
    assert y.shape == x.shape
    y.square().mean().backward()
    assert x.grad is not None
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_keeps_channels_last_memory(name: str) -> None:
    x = torch.randn(2, 6, 5, 7).contiguous(memory_format=torch.channels_last)
    assert LAYERS[name]().eval()(x).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kernel_fit", ["interpolate", "fixed"])
@pytest.mark.parametrize("size", [(5, 7), (9, 4), (1, 20)], ids=str)
def test_oversized_layer_is_the_operator_with_fitted_kernels(kernel_fit: str, size: tuple[int, int]) -> None:
    layer = OversizedConv2d(3, (5, 7), kernel_fit=kernel_fit)
    x = torch.randn(2, 3, *size)
    kernel_h = fit_kernel(layer.kernel_h, 2 * size[0] - 1, kernel_fit)
    kernel_w = fit_kernel(layer.kernel_w, 2 * size[1] - 1, kernel_fit)
    torch.testing.assert_close(layer(x), oversized_conv2d(x, kernel_h, kernel_w, algorithm="reference"))


def test_forward_caches_nothing() -> None:
    layer = OversizedConv2d(3, 5)
    before = {key: id(value) for key, value in vars(layer).items()}
    small, large = torch.randn(1, 3, 4, 4), torch.randn(1, 3, 9, 9)
    first = layer(small)
    layer(large)
    assert torch.equal(layer(small), first)
    assert {key: id(value) for key, value in vars(layer).items()} == before


def test_every_algorithm_name_reaches_the_operator() -> None:
    x = torch.randn(1, 3, 5, 5)
    outputs = []
    for algorithm in ("auto", "conv", "matmul", "reference"):
        torch.manual_seed(0)
        outputs.append(OversizedConv2d(3, 5, algorithm=algorithm)(x))
    for output in outputs[1:]:
        torch.testing.assert_close(output, outputs[0])


def test_sec33_local_and_global_are_added() -> None:
    layer = LocalGlobalConv(4, (6, 9))
    x = torch.randn(2, 4, 6, 9)
    local = F.conv2d(x, layer.local.weight, padding=3, groups=4)
    torch.testing.assert_close(layer(x), local + layer.oversized(x))
    assert [name for name, _ in layer.named_parameters() if "bias" in name] == []


def test_sec32_spatial_bgu_gates_without_activation() -> None:
    layer = SpatialBGU(4, (6, 9))
    x = torch.randn(2, 4, 6, 9)
    weight, bias = layer.project_in.weight, layer.project_in.bias
    gate = F.conv2d(x, weight[:4], bias[:4])
    feature = F.gelu(F.conv2d(x, weight[4:], bias[4:]))
    torch.testing.assert_close(layer(x), F.conv2d(gate * layer.mix(feature), layer.project_out.weight))


def test_sec32_channel_bgu_puts_gelu_on_one_half() -> None:
    layer = ChannelBGU(4, expansion=1.5)
    x = torch.randn(2, 4, 3, 3)
    hidden = layer.project_in(x)
    assert hidden.shape[1] == 12
    expected = F.conv2d(hidden[:, :6] * F.gelu(hidden[:, 6:]), layer.project_out.weight)
    torch.testing.assert_close(layer(x), expected)


def test_supplementary_c_expansion_keeps_the_parameters_of_a_plain_network() -> None:
    assert bgu_expansion(4) == 8 / 3
    channels = 96
    plain = 2 * 4 * channels**2
    gated = sum(p.numel() for p in ChannelBGU(channels, expansion=bgu_expansion(4)).parameters() if p.dim() > 1)
    assert gated == plain


def test_inner_norm_is_a_true_layernorm_started_at_one_over_root_c() -> None:
    norm = BiasFreeLayerNorm2d(16)
    x = torch.randn(2, 16, 3, 5) * 4 + 2
    assert norm.bias is None
    torch.testing.assert_close(norm.weight, torch.full((16,), 0.25))
    expected = F.layer_norm(x.movedim(1, -1), (16,), eps=1e-6).movedim(-1, 1) / 4
    torch.testing.assert_close(norm(x), expected)
    release = x - x.mean(1, keepdim=True)
    torch.testing.assert_close(norm(x), release / release.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-5)


def test_res_scale_starts_as_the_identity_and_scales_the_shortcut() -> None:
    block = ParCNetV2Block(4, 5, residual="res_scale").eval()
    x = torch.randn(1, 4, 5, 5)
    assert torch.equal(ResScale(4)(x), x)
    with torch.no_grad():
        block.spatial.project_out.weight.zero_()
        block.channel.project_out.weight.zero_()
        block.res_scale1.scale.fill_(3)
        block.res_scale2.scale.fill_(0.5)
    torch.testing.assert_close(block(x), 1.5 * x)


@pytest.mark.parametrize(
    ("residual", "shortcut", "branch"), [("none", 1, 1), ("res_scale", 3, 1), ("layer_scale", 1, 0.25)]
)
def test_a_block_scales_shortcut_or_branch_as_its_residual_says(residual, shortcut: float, branch: float) -> None:
    block = ResidualBlock(4, nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1), residual=residual, layer_scale=0.25)
    if residual == "res_scale":
        for scale in (block.res_scale1.scale, block.res_scale2.scale):
            scale.data.fill_(3)
    x = torch.randn(2, 4, 3, 5)
    middle = shortcut * x + branch * block.spatial(block.norm1(x))
    torch.testing.assert_close(block(x), shortcut * middle + branch * block.channel(block.norm2(middle)))


def test_every_parallel_branch_is_added() -> None:
    layer = ParallelDepthwise(3, [(7, 3), (3, 7), (3, 3)]).eval()
    x = torch.randn(2, 3, 9, 8)
    torch.testing.assert_close(layer(x), sum(branch(x) for branch in layer.branches))


def test_set_map_size_replaces_kernels_under_interpolate_and_leaves_them_under_fixed() -> None:
    layer = OversizedConv2d(3, 5)
    layer.kernel_h.requires_grad_(False)
    layer.set_map_size((7, 2))
    assert (layer.kernel_h.shape[1], layer.kernel_w.shape[1]) == (13, 3)
    assert isinstance(layer.kernel_h, nn.Parameter)
    assert not layer.kernel_h.requires_grad
    fixed = OversizedConv2d(3, 5, kernel_fit="fixed")
    kept = fixed.kernel_h
    fixed.set_map_size((7, 2))
    assert fixed.kernel_h is kept


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: OversizedConv2d(3, (0, 4)), "at least 1"),
        (lambda: OversizedConv2d(3, 4, kernel_fit="stretch"), "'stretch'"),
        (lambda: OversizedConv2d(3, 4, algorithm="fastest"), "'fastest'"),
        (lambda: LocalGlobalConv(3, 4, local_kernel=6), "must be odd, got 6"),
        (lambda: ChannelBGU(3, expansion=0.1), "no hidden channel"),
    ],
)
def test_wrong_arguments_are_named_before_anything_runs(build, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.skipif(bool(os.environ.get("TRITON_INTERPRET")), reason="the interpreter runs on CPUs")
def test_the_fused_spatial_bgu_says_why_it_cannot_run_here() -> None:
    unit = SpatialBGU(4, (5, 6), algorithm="fused")
    with pytest.raises(RuntimeError, match="cannot run on cpu"):
        unit(torch.randn(1, 4, 5, 6))
    with pytest.raises(ValueError, match="'fused' supports mix 'parallel'"):
        SpatialBGU(4, (5, 6), algorithm="fused", mix="local")


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_gate_of_the_channel_bgu_has_the_framework_s_values_and_gradients(layout, monkeypatch):
    """gate * GELU(feature), its gradient and the gradient's, whole and in blocks of two images."""
    branches = torch.randn(5, 12, 4, 3, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    upstream = torch.randn(5, 6, 4, 3, dtype=torch.float64)
    gate, feature = branches.chunk(2, dim=1)
    wanted = gate * F.gelu(feature)
    (wanted_grad,) = torch.autograd.grad(wanted, branches, upstream)
    for elements in (image_blocks.BLOCK_ELEMENTS, 2 * 6 * 4 * 3):
        monkeypatch.setattr(image_blocks, "BLOCK_ELEMENTS", elements)
        got = gated_gelu(branches)
        (grad,) = torch.autograd.grad(got, branches, upstream)
        assert torch.equal(got, wanted)
        assert_close(grad, wanted_grad, rtol=1e-14, atol=1e-14)
    assert torch.autograd.gradgradcheck(gated_gelu, branches)
    per_image = torch.func.vmap(torch.func.grad(lambda each: gated_gelu(each[None]).square().sum()))(branches.detach())
    (together,) = torch.autograd.grad(gated_gelu(branches).square().sum(), branches)
    assert_close(per_image, together)


def test_training_keeps_the_branches_of_the_channel_bgu_and_not_their_gelu():
    layer, sizes = ChannelBGU(8), []

    def keep(tensor):
        sizes.append(tensor.shape)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        layer(torch.randn(2, 8, 4, 4))
    maps = [shape for shape in sizes if len(shape) == 4 and shape[2:] == (4, 4)]
    assert sorted(maps) == sorted([(2, 8, 4, 4), (2, 40, 4, 4), (2, 20, 4, 4)])  # input, branches, gated
