import pytest
import torch
from timm.layers import LayerNorm2d

from parcnet.base import UserError
from parcnet.models import build, catalogue
from parcnet.tasks.backbone import build_backbone

FOUR_STAGES = [entry.name for entry in catalogue() if entry.name != "parcnet_s"]


@pytest.mark.parametrize("name", FOUR_STAGES)
def test_every_network_of_ours_is_a_backbone(name):
    with torch.device("meta"):
        backbone = build_backbone(name, {})
        maps = backbone(torch.empty(1, 3, 96, 160))
    assert [tuple(each.shape[2:]) for each in maps] == [(24, 40), (12, 20), (6, 10), (3, 5)]
    assert tuple(each.shape[1] for each in maps) == backbone.channels


def test_each_feature_map_is_normalised_once():
    backbone = build_backbone("parcnetv2_digits", {"img_size": 64})
    assert [type(norm) for norm in backbone.norms] == [LayerNorm2d] * 4
    for each in backbone(torch.randn(1, 3, 64, 64)):
        torch.testing.assert_close(each.mean(1), torch.zeros_like(each[:, 0]), atol=1e-5, rtol=0)


def test_feature_maps_are_those_of_the_classifier():
    torch.manual_seed(0)
    backbone = build_backbone("parcnetv2_digits", {"img_size": 64}, norm=False).eval()
    torch.manual_seed(0)
    classifier = build("parcnetv2_digits", img_size=64).eval()
    image = torch.randn(1, 3, 64, 96)
    for found, expected in zip(backbone(image), classifier.forward_intermediates(image)[1], strict=True):
        torch.testing.assert_close(found, expected)


def test_windowed_transformers_return_nchw_maps():
    with torch.device("meta"):
        backbone = build_backbone("swin_tiny_patch4_window7_224", {"img_size": 64})
        shapes = [tuple(each.shape) for each in backbone(torch.empty(2, 3, 64, 64))]
    assert shapes == [(2, 96, 16, 16), (2, 192, 8, 8), (2, 384, 4, 4), (2, 768, 2, 2)]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("vit_tiny_patch16_224", "feature maps of strides 16, 16, 16; expected also 4, 8, 32"),
        ("parcnetv2_tini", "parcnetv2_tiny"),
    ],
)
def test_a_network_that_cannot_be_a_backbone_is_refused_with_its_reason(network, message):
    with pytest.raises(UserError, match=message):
        build_backbone(network, {})
