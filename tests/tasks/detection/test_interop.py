"""Our networks as backbones of torchvision's detectors."""

from collections import OrderedDict

import pytest
import timm
import torch
from torch import nn
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

import parcnet  # noqa: F401 - registers the networks


class Pyramid(nn.Module):
    """A backbone as torchvision's documentation describes it: named maps and `out_channels`."""

    out_channels = 64

    def __init__(self) -> None:
        super().__init__()
        self.body = timm.create_model(
            "parcnetv2_digits", features_only=True, depths=(1, 1, 1, 1), dims=(8, 12, 16, 24), img_size=64
        )
        self.fpn = FeaturePyramidNetwork(self.body.feature_info.channels(), self.out_channels)

    def forward(self, images):
        return self.fpn(OrderedDict((str(level), each) for level, each in enumerate(self.body(images))))


@pytest.mark.parametrize("kind", [FasterRCNN, MaskRCNN])
def test_torchvisions_detectors_train_and_detect_with_our_backbone(kind):
    torch.manual_seed(0)
    anchors = AnchorGenerator(tuple((side,) for side in (16, 32, 64, 128)), ((0.5, 1.0, 2.0),) * 4)
    pools = {"box_roi_pool": MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2)}
    if kind is MaskRCNN:
        pools["mask_roi_pool"] = MultiScaleRoIAlign(["0", "1", "2", "3"], 14, 2)
    network = kind(Pyramid(), 4, rpn_anchor_generator=anchors, min_size=64, max_size=96, **pools)
    masks = torch.zeros(1, 64, 96, dtype=torch.uint8)
    masks[0, 8:40, 8:50] = 1
    target = {"boxes": torch.tensor([[8.0, 8, 50, 40]]), "labels": torch.tensor([2]), "masks": masks}
    losses = network([torch.rand(3, 64, 96)], [target])
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in network.backbone.parameters())
    network.eval()
    with torch.no_grad():
        (found,) = network([torch.rand(3, 70, 50)])
    assert {"boxes", "labels", "scores"} <= found.keys()
