"""Grad-CAM against a closed form, and on networks of every kind."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from parcnet.base import UserError
from parcnet.explain import gradcam
from parcnet.models import build

IMAGES = torch.randn(2, 3, 24, 40, generator=torch.Generator().manual_seed(0))


class Linear(nn.Module):
    """logits = V mean(A) + b with A = W x, 1x1 of stride 4."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 8, 4, stride=4)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


@pytest.mark.parametrize("target", [0, 4, None])
def test_on_a_linear_network_it_is_the_closed_form(target):
    """d y_k / d A[c,i,j] = V[k,c] / (h w), hence map = relu(V_k A) / (h w)."""
    model = Linear()
    found = gradcam(model, IMAGES, layer="conv", target=target)
    with torch.no_grad():
        maps, logits = model.conv(IMAGES), model(IMAGES)
        classes = logits.argmax(1) if target is None else torch.full((2,), target)
        wanted = torch.einsum("nc,nchw->nhw", model.fc.weight[classes], maps).relu() / maps[0, 0].numel()
    assert found.maps.shape == (2, 6, 10)
    assert wanted.any()
    np.testing.assert_allclose(found.maps, wanted.numpy(), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(found.classes, classes.numpy())
    shares = logits.softmax(1)[torch.arange(2), classes]
    np.testing.assert_allclose(found.probabilities, shares.numpy(), rtol=1e-5)
    heat = F.interpolate(wanted[:, None], (24, 40), mode="bilinear")[:, 0]
    heat = heat / heat.amax((1, 2), keepdim=True)
    np.testing.assert_allclose(found.heat, heat.numpy(), atol=1e-5)


def test_without_evidence_for_the_class_the_map_is_zero():
    model = Linear()
    with torch.no_grad():
        model.fc.weight.zero_()
    found = gradcam(model, IMAGES, layer="conv", target=1)
    assert not found.maps.any()
    assert not found.heat.any()


def test_each_image_may_have_its_own_class():
    model = Linear()
    both = gradcam(model, IMAGES, layer="conv", target=[1, 3])
    for place, target in enumerate((1, 3)):
        alone = gradcam(model, IMAGES[place : place + 1], layer="conv", target=target)
        np.testing.assert_allclose(both.maps[place], alone.maps[0], rtol=1e-6)


@pytest.mark.parametrize("name", ["test_convnext", "test_resnet", "test_efficientnet", "parcnetv2_digits"])
@pytest.mark.parametrize("layer", [None, "1", "2"])
def test_any_stage_of_any_network_at_any_size(name, layer):
    torch.manual_seed(0)
    model = build(name)
    found = gradcam(model, torch.randn(1, 3, 70, 93), layer=layer)
    assert found.heat.shape == (1, 70, 93)
    assert np.isfinite(found.heat).all()
    assert found.heat.min() >= 0
    assert found.heat.max() == pytest.approx(1.0) or not found.maps.any()


def test_an_nhwc_network_has_a_map_of_the_same_layout():
    model = build(
        "swin_tiny_patch4_window7_224", depths=(1, 1), num_heads=(1, 2), embed_dim=8, img_size=56, num_classes=3
    )
    assert gradcam(model, torch.randn(1, 3, 56, 56), layer="1").maps.shape == (1, 14, 14)


def test_bf16_maps_correlate_with_fp32_maps(network):
    images = torch.randn(1, 3, 96, 128, generator=torch.Generator().manual_seed(2))
    exact, half = (
        gradcam(network, images, layer="2", target=3, dtype=dtype).maps.ravel() for dtype in ("fp32", "bf16")
    )
    assert np.corrcoef(exact, half)[0, 1] > 0.99


@pytest.mark.parametrize(
    ("layer", "target", "words"),
    [
        ("stages.9", None, "Did you mean stages"),
        ("stagse.2.blocks.0", None, "Did you mean stages.2.blocks.0"),
        ("5", None, r"no stage 5 .* 4 \(stages.3\)"),
        ("0", None, "no stage 0"),
        ("head.fc", None, r"\(1, 10\); expected a feature map"),
        (None, 10, "class 10 is out of range; this network has classes 0 to 9"),
        (None, -1, "class -1 is out of range"),
        (None, [1, 2], "2 classes for 1 images"),
    ],
)
def test_invalid_arguments_are_errors(layer, target, words, network):
    with pytest.raises(UserError, match=words):
        gradcam(network, torch.randn(1, 3, 32, 32), layer=layer, target=target)


@pytest.mark.parametrize("options", [{"num_classes": 0, "global_pool": ""}])
def test_a_network_without_classes_is_named(options):
    with pytest.raises(UserError, match="no logits"):
        gradcam(build("test_convnext", **options), torch.randn(1, 3, 32, 32))


def test_a_network_without_feature_info_requires_a_layer():
    with pytest.raises(UserError, match=r"--layer\. Its modules are conv, fc"):
        gradcam(Linear(), IMAGES)


def test_no_image():
    with pytest.raises(UserError, match="no image given"):
        gradcam(Linear(), IMAGES[:0], layer="conv")


def test_eight_threads_on_one_network_get_right_maps_and_leave_its_gradients(network):
    images = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    wanted = [gradcam(network, image[None]).maps for image in images]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda image: gradcam(network, image[None]).maps, images))
    assert all(np.allclose(*pair, rtol=1e-4, atol=1e-6) for pair in zip(found, wanted, strict=True))
    assert all(each.requires_grad for each in network.parameters())


def test_logits_that_are_not_finite_are_no_explanation(network):
    with torch.no_grad():
        network.head.fc.bias[0] = torch.inf
    with pytest.raises(UserError, match="the network returned NaN or infinity"):
        gradcam(network, IMAGES[:1])
