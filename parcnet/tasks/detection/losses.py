"""Losses of boxes and masks."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.models.detection._utils import BoxCoder
from torchvision.ops import generalized_box_iou_loss, roi_align

from parcnet.tasks.detection.coco import CroppedMasks

BoxLoss = Literal["smooth_l1", "giou"]

GIOU_WEIGHT = 10.0
"""Weight of the GIoU loss in the published Cascade recipes."""


def box_loss(
    kind: BoxLoss, deltas: Tensor, proposals: Tensor, matched: Tensor, coder: BoxCoder, samples: int, beta: float
) -> Tensor:
    """Box loss summed over P positive regions and divided by the number of all sampled regions, `samples`:

        smooth_l1   sum_i smooth_l1(deltas_i - encode(matched_i), beta)
        giou        10 sum_i (1 - GIoU(decode(deltas_i), matched_i))

    Shapes: deltas, proposals, matched [P, 4], boxes as x1, y1, x2, y2 in px -> scalar.
    """
    if kind == "giou":
        decoded = coder.decode_single(deltas, proposals)
        total = GIOU_WEIGHT * generalized_box_iou_loss(decoded, matched, reduction="sum")
    else:
        total = F.smooth_l1_loss(deltas, coder.encode_single(matched, proposals), beta=beta, reduction="sum")
    return total / max(samples, 1)


def mask_loss(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    """Binary cross entropy of each region's mask of its own class, averaged over regions and pixels; 0 without regions.

    Shapes: logits [P, num_classes, M, M], labels [P], targets [P, M, M] in [0, 1] -> scalar.
    """
    if not len(labels):
        return logits.sum() * 0
    own = logits[torch.arange(len(labels), device=labels.device), labels]
    return F.binary_cross_entropy_with_logits(own, targets)


def mask_targets(
    masks: Sequence[CroppedMasks], boxes: Sequence[Tensor], matched: Sequence[Tensor], side: int
) -> Tensor:
    """Mask targets: RoIAlign of each region's matched mask within the region -> [P, side, side].

    Per image: masks, boxes [P_i, 4], matched [P_i] indices into the masks. RoIAlign of the cropped mask equals that of
    the full mask, because the crop has a margin of zeros.
    """
    targets = [
        roi_align(crop[None, None], [(box - corner)[None]], side)[0, 0]
        for own, of_image, indices in zip(masks, boxes, matched, strict=True)
        for box, (crop, corner) in zip(of_image, own.at(indices, of_image), strict=True)
    ]
    device = boxes[0].device if boxes else None
    return torch.stack(targets) if targets else torch.zeros(0, side, side, device=device)
