"""Parameters and multiply-adds of a detector, as the papers of this field count them."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from parcnet.models import Complexity
from parcnet.tasks.detection.detector import Detector
from parcnet.tasks.detection.feature_pyramid import CHANNELS
from parcnet.tasks.detection.region_heads import REGION

PROPOSALS, MASKS = 1000, 100
"""Regions that every box head sees, and every mask head: what the published counts assume, whatever is in the image."""


def detector_complexity(detector: Detector, size: tuple[int, int]) -> Complexity:
    """Count a detector that is on the meta device on one image of `size` (height, width in px), computing nothing.

    Backbone, pyramid, proposal network at all five strides, and the heads of every stage on 1,000 and 100 regions;
    reading regions out of the maps (RoIAlign) and non-maximum suppression do not count.
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
