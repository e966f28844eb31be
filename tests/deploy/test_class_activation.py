"""Closed-form class activation maps equal Grad-CAM for every supported head."""

import pytest
import timm
import torch
from torch import Tensor

from parcnet.data import Preprocessing, open_image
from parcnet.data.packaged_images import photograph_path
from parcnet.deploy.class_activation import (
    NoClassActivation,
    WithClassActivation,
    WithGradientClassActivation,
    class_activation_maps,
)
from parcnet.explain import gradcam
from parcnet.models.by_name import build

SMALL = {"depths": (1, 1, 1, 1), "dims": (8, 16, 24, 32), "num_classes": 7, "img_size": 96}
SMALL_PLAIN = {key: value for key, value in SMALL.items() if key != "img_size"}
NETWORKS = {
    "parcnetv2_digits": (SMALL, None),
    "parc_convnext_xt": ({"num_classes": 7}, None),
    "parcnet_s": ({"num_classes": 7}, "head.prepare"),
    "replknet_31b": ({**SMALL_PLAIN, "kernels": (7, 7, 5, 5)}, "head.prepare"),
    "convnext_atto": ({"num_classes": 7}, None),
    "test_resnet": ({"num_classes": 7}, None),
}
"""Name -> arguments, and the layer that the head pools where it is not the last stage."""


def _network(name: str) -> torch.nn.Module:
    network = build(name, **NETWORKS[name][0]).eval().requires_grad_(False)
    for tensor in network.state_dict().values():
        if tensor.dim() == 1:
            tensor.uniform_(0.5, 1.5)
    return network


@pytest.fixture(scope="module")
def photograph() -> Tensor:
    """A real photograph [1, 3, 128, 96]."""
    preprocessing = Preprocessing((128, 96), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return preprocessing.transform()(open_image(photograph_path("china.jpg")))[None]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_maps_equal_parcnet_explain_gradcam(name, photograph) -> None:
    network = _network(name)
    logits, heat = WithClassActivation(network, class_activation_maps(network, photograph))(photograph)
    torch.testing.assert_close(logits, network(photograph))
    for target in range(3):
        wanted = torch.from_numpy(gradcam(network, photograph, layer=NETWORKS[name][1], target=target).maps)
        scale = float(heat.abs().max())
        torch.testing.assert_close(heat[:, target].relu() / scale, wanted / scale, rtol=1e-4, atol=1e-5)
    assert float(heat.std()) > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_the_reference_of_an_export_differentiates_the_head(name, photograph) -> None:
    network = _network(name)
    maps = class_activation_maps(network, photograph)
    both = torch.cat([photograph, photograph.flip(3)])
    with torch.inference_mode():
        for found, wanted in zip(
            WithClassActivation(network, maps)(both), WithGradientClassActivation(network, maps)(both), strict=True
        ):
            torch.testing.assert_close(found / wanted.std(), wanted / wanted.std(), rtol=1e-4, atol=1e-4)


def test_without_a_norm_map_and_bias_sum_to_the_logit(photograph) -> None:
    network = _network("test_resnet")
    logits, heat = WithClassActivation(network, class_activation_maps(network, photograph))(photograph)
    torch.testing.assert_close(heat.sum((2, 3)) + network.get_classifier().bias, logits)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("test_vit", {"img_size": (128, 96)}, "are not a feature map"),
        ("mobilenetv3_small_050", {}, "pools 288 channels"),
        ("test_resnet", {"global_pool": "max"}, "is not global average pooling"),
        ("test_resnet", {"num_classes": 0}, "expected one linear layer"),
    ],
)
def test_an_unsupported_head_is_an_error(name, arguments, words, photograph) -> None:
    with pytest.raises(NoClassActivation, match=words):
        class_activation_maps(timm.create_model(name, **arguments).eval(), photograph)


def test_a_feature_map_of_one_position_is_an_error(photograph) -> None:
    with pytest.raises(NoClassActivation, match="a single position"):
        class_activation_maps(_network("parcnetv2_digits"), photograph[..., :32, :32])
