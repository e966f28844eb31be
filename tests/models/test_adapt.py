"""Layers of ParCNetV2 in other networks."""

import pytest
import timm
import torch
from torch import nn

import parcnet
from parcnet.base import UserError
from parcnet.layers import LocalGlobalConv, OversizedConv2d, SpatialBGU
from parcnet.models import adapt, complexity
from parcnet.models.convnext_hybrids import BGU_EXPANSION, ConvNeXtHybrid

SMALL = {"depths": (1, 2, 1, 1), "dims": (8, 16, 24, 32), "num_classes": 3}
RENAMED = (
    *(("stem.0.", "stem.conv."), ("stem.1.", "stem.norm."), ("downsample.0.", "downsample.norm.")),
    *(("downsample.1.", "downsample.conv."), ("conv_dw.", "token_mixer."), (".gamma", ".layer_scale.gamma")),
    *(("mlp.module.", "channel_mixer."), ("mlp.fc1.", "channel_mixer.project_in.")),
    *(("mlp.fc2.", "channel_mixer.project_out."), ("mlp.project_", "channel_mixer.project_")),
)


def weights_for(registered: nn.Module, adapted: nn.Module) -> dict[str, torch.Tensor]:
    """The adapted timm network's weights under the names, and in the shapes, of our own."""
    found = {}
    for name, value in adapted.state_dict().items():
        for theirs, ours in RENAMED:
            name = name.replace(theirs, ours)
        found[name] = value.reshape(registered.state_dict()[name].shape)
    return found


@pytest.mark.parametrize(
    ("options", "hybrid"),
    [
        ({"depthwise": "*.conv_dw", "start": "random"}, {"mix": "parallel"}),
        (
            *({"depthwise": "*.conv_dw", "mlp": "*.mlp", "mixing": "keep", "gate": "multiply", "expansion": 5 / 3},),
            {"gate": "multiply"},
        ),
    ],
    ids=["OC", "BGU"],
)
@pytest.mark.parametrize("conv_mlp", [False, True])
def test_supplement_table1_convnext_with_our_parts_is_the_registered_network(options, hybrid, conv_mlp):
    assert BGU_EXPANSION == 5 / 3
    ours = ConvNeXtHybrid(**SMALL, **hybrid, img_size=64).eval()
    timms = timm.create_model("convnext_tiny", **SMALL, conv_mlp=conv_mlp)
    adapted = adapt(timms, **options, img_size=64)
    with torch.no_grad():
        for parameter in adapted.model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    ours.load_state_dict(weights_for(ours, adapted.model))
    image = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(adapted.model.eval()(image), ours(image), rtol=1e-4, atol=1e-4)
    assert adapted.after == complexity(ours, (3, 64, 64))
    assert adapted.before == complexity(timms, (3, 64, 64))


@pytest.mark.parametrize(
    ("name", "depthwise", "changed", "refused"),
    [
        ("convnext_atto", "*.conv_dw", 12, 0),
        ("convformer_s18", "*.dwconv", 18, 0),
        ("efficientnet_b0", "*.conv_dw", 12, 4),
        ("fastvit_t8", "stages.*.blocks.*.conv_kxk.0.conv", None, 0),
        ("mobilenetv4_conv_small", "*.dw_mid.conv", 9, 2),
        ("edgenext_xx_small", "*.conv_dw", 9, 0),
        ("repvit_m0_9", "*.conv.c", None, 0),
    ],
)
def test_an_adapted_trained_network_has_unchanged_outputs_at_first(name, depthwise, changed, refused):
    model = timm.create_model(name, num_classes=4).eval()
    adapted = adapt(model, depthwise=depthwise, img_size=96)
    count = sum(isinstance(module, LocalGlobalConv) for module in adapted.model.modules())
    assert count == len(adapted.changed) > 0
    assert changed in (None, count)
    assert len(adapted.refused) == refused
    assert all("keeps the map's size" in reason for reason in adapted.refused.values())
    image = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(adapted.model(image), model(image))
    assert not any(isinstance(module, LocalGlobalConv) for module in model.modules())
    adapted.model.train()(torch.randn(2, 3, 96, 96)).sum().backward()
    gradients = [module.oversized.kernel_w.grad for module in adapted.model.modules() if hasattr(module, "oversized")]
    assert all(each is not None and each.abs().max() > 0 for each in gradients)


@pytest.mark.parametrize(
    ("name", "mlp", "size"),
    [("poolformer_s12", "*.mlp", 64), ("vit_tiny_patch16_224", "blocks.*.mlp", 224), ("convnext_atto", "*.mlp", 64)],
)
def test_supplement_eq3_gated_units_have_the_weights_of_the_networks_they_replace(name, mlp, size):
    adapted = adapt(timm.create_model(name, num_classes=4), mlp=mlp, img_size=size)
    assert adapted.after.params == pytest.approx(adapted.before.params, rel=0.02)
    assert adapted.model.eval()(torch.randn(2, 3, size, size)).shape == (2, 4)


def test_instead_of_the_depthwise_convolution_and_with_a_gate():
    model = timm.create_model("convnext_atto", num_classes=4)
    instead = adapt(model, depthwise="stages.3.*.conv_dw", mixing="instead", img_size=(64, 96)).model
    assert isinstance(instead.stages[3].blocks[0].conv_dw, OversizedConv2d)
    assert instead.stages[3].blocks[0].conv_dw.kernel_w.shape[1] == 2 * 3 - 1
    gated = adapt(model, depthwise="stages.3.*.conv_dw", gate="add", img_size=64).model
    unit = gated.stages[3].blocks[0].conv_dw
    assert isinstance(unit, SpatialBGU)
    assert unit.additive
    assert isinstance(unit.mix, LocalGlobalConv)


def test_the_report_says_what_changed_what_stayed_and_what_it_costs():
    report = str(parcnet.adapt(timm.create_model("efficientnet_b0"), depthwise=["blocks.1.*.conv_dw"]))
    assert "parameters 5.29M -> 5.3" in report
    assert "blocks.1.1.conv_dw: Conv2d -> LocalGlobalConv" in report
    assert (
        "blocks.1.0.conv_dw: stays, an oversized convolution keeps the map's size, but this one has stride 2" in report
    )


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("convnext_atto", {"depthwise": "*.conv_wd"}, "matches no module of ConvNeXt. Did you mean .*conv_dw"),
        ("convnext_atto", {}, "say what to adapt"),
        ("convnext_atto", {"depthwise": "*.norm"}, "it is a LayerNorm.*, not a convolution"),
        ("convnext_atto", {"depthwise": "stem.0"}, "it is not depthwise: 3 to 40 channels in 1 groups"),
        ("regnety_002", {"depthwise": "*.conv2.conv"}, "it is not depthwise: 24 to 24 channels in 3 groups"),
        ("convformer_s18", {"mlp": "*.mlp"}, r"it has weights besides fc1 and fc2 \(act\)"),
        ("convnext_atto", {"mlp": "*.norm"}, "not a feed-forward network"),
        ("convnext_atto", {"depthwise": "*", "mixing": "besides"}, "mixing is one of 'beside'"),
        ("convnext_atto", {"depthwise": "*", "start": "zero"}, "start is 'unchanged' or 'random', got 'zero'"),
        ("convnext_atto", {"depthwise": "*", "mixing": "keep"}, "changes no convolution"),
        ("convnext_atto", {"depthwise": "*", "mixing": "instead", "gate": "add"}, "has no gated unit"),
        ("convnext_atto", {"depthwise": "*", "img_size": 0}, "img_size is 0"),
    ],
)
def test_what_cannot_be_adapted_is_refused_with_the_reason(name, options, said):
    with pytest.raises(UserError, match=said):
        adapt(timm.create_model(name), **options)
