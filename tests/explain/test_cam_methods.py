"""The methods of pytorch-grad-cam, fed with our maps and gradients, are what that package computes by itself."""

import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.explain import METHODS, gradcam
from parcnet.models import build

LAYER = "stages.1"


def photos(count: int, height: int, width: int) -> Tensor:
    """Smooth random images, so that maps are no noise."""
    noise = torch.randn(count, 3, height + 8, width + 8, generator=torch.Generator().manual_seed(1))
    return 9 * nn.functional.avg_pool2d(noise, 9, stride=1)


def correlation(one, other) -> float:
    return float(np.corrcoef(np.ravel(one), np.ravel(other))[0, 1])


def by_the_package(name: str, model: nn.Module, images: Tensor, target: int, layer: str, reshape=None) -> np.ndarray:
    """Heat [N, H, W] as a user of the package would get it."""
    package = pytest.importorskip("pytorch_grad_cam", reason="the extra `explain`: other methods were not checked")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    kinds = {each.__name__.lower(): each for each in vars(package).values() if isinstance(each, type)}
    kind = kinds[name.replace("++", "plusplus")]
    with kind(model, [model.get_submodule(layer)], reshape_transform=reshape) as cam:
        return cam(images, [ClassifierOutputTarget(target)] * len(images))


@pytest.mark.parametrize("method", METHODS)
def test_our_grad_cam_equals_the_package_s(method, network):
    images = photos(3, 48, 64)
    ours = gradcam(network, images, layer=LAYER, target=2, method=method)
    theirs = by_the_package(method, network, images, 2, LAYER)
    assert ours.method == method
    for mine, other in zip(ours.heat, theirs, strict=True):
        assert mine.std() > 0.01
        assert correlation(mine, other) > 0.999


def test_every_method_works_on_an_nhwc_network():
    torch.manual_seed(0)
    small = {"depths": (1, 1), "num_heads": (1, 2), "embed_dim": 8, "img_size": 56, "num_classes": 3}
    model = build("swin_tiny_patch4_window7_224", **small).eval()
    images = photos(2, 56, 56)
    ours = gradcam(model, images, layer="layers.0", target=1, method="layercam")
    theirs = by_the_package("layercam", model, images, 1, "layers.0", reshape=lambda found: found.permute(0, 3, 1, 2))
    assert correlation(ours.heat, theirs) > 0.999


def test_the_network_is_unchanged(network, unchanged):
    with unchanged(network):
        gradcam(network, photos(1, 48, 48), method="gradcam++")


def test_an_unknown_method_is_named(network):
    with pytest.raises(UserError, match="Did you mean layercam"):
        gradcam(network, photos(1, 32, 32), method="layer-cam")


def test_without_the_package_the_extra_is_named_and_grad_cam_works(network, monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_grad_cam", None)
    assert gradcam(network, photos(1, 32, 32)).maps.shape[0] == 1
    with pytest.raises(UserError, match=r"needs pytorch-grad-cam: pip install 'parcnet\[explain\]'"):
        gradcam(network, photos(1, 32, 32), method="eigencam")
