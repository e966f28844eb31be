"""Parameters and MACs of a detector, by the convention of detection papers."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from parcnet.models import Complexity
from parcnet.tasks.detection.detector import Detector
from parcnet.tasks.detection.feature_pyramid import CHANNELS
from parcnet.tasks.detection.region_heads import REGION

PROPOSALS, MASKS = 1000, 100
"""Regions per box head and per mask head that published counts assume."""


def detector_complexity(detector: Detector, size: tuple[int, int]) -> Complexity:
    """Counts a detector on the meta device for one image of `size` (H, W) px, without computing anything.

    Counted are backbone, feature pyramid, proposal network at all five strides, and the heads of each stage on 1,000
    and 100 regions; RoIAlign and non-maximum suppression are not.
    """
    detector.eval()
    with torch.no_grad(), torch.device("meta"), FlopCounterMode(display=False) as counter:
        maps = detector.backbone(torch.empty(1, 3, *size))
        detector.rpn.head(list(maps.values()))
        boxes = torch.empty(PROPOSALS, CHANNELS, REGION, REGION)
        masks = torch.empty(MASKS, CHANNELS, 2 * REGION, 2 * REGION)
        for head in detector.roi_heads.stage_heads():
            head.box_predictor(head.box_head(boxes))
            head.mask_predictor(head.mask_head(masks))
    return Complexity(sum(each.numel() for each in detector.parameters()), counter.get_total_flops() // 2)
