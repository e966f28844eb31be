from collections.abc import Callable

import pytest
import torch

from parcnet.tasks.backbone import build_backbone
from parcnet.tasks.detection import Detector, build_detector
from parcnet.tasks.detection.coco import CroppedMasks, Target

SMALL = {"depths": (1, 1, 1, 1), "dims": (8, 12, 16, 24), "img_size": 64}


@pytest.fixture
def make_detector() -> Callable[..., Detector]:
    """make_detector("cascade_mask_rcnn", box_loss="giou"): a small detector of 3 classes for images of about 96 px."""

    def make(detector: str = "mask_rcnn", *, backbone_args: dict[str, object] | None = None, **options) -> Detector:
        torch.manual_seed(0)
        backbone = build_backbone("parcnetv2_digits", {**SMALL, **(backbone_args or {})})
        sizes = {"short_side": 96, "long_side": 160, "regions": 16, "anchor_scale": 0.5, "detections": 5, **options}
        return build_detector(detector, backbone, 3, **sizes)

    return make


@pytest.fixture
def target() -> Target:
    """Two rectangles of classes 0 and 2 in an image of 96 x 128 px."""
    masks = torch.zeros(2, 96, 128, dtype=torch.uint8)
    masks[0, 10:40, 20:60] = 1
    masks[1, 50:90, 70:120] = 1
    boxes = torch.tensor([[20.0, 10, 60, 40], [70, 50, 120, 90]])
    return Target(boxes, torch.tensor([0, 2]), CroppedMasks.of(masks))


@pytest.fixture
def empty_target() -> Target:
    """An image without instances."""
    return Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), CroppedMasks.none())
