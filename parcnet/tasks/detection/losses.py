"""What boxes and masks are trained against."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.models.detection._utils import BoxCoder
from torchvision.ops import generalized_box_iou_loss, roi_align

from parcnet.tasks.detection.coco import BoxedMasks

BoxLoss = Literal["smooth_l1", "giou"]

GIOU_WEIGHT = 10.0
"""Of the published Cascade recipes (facts of the release)."""


def box_loss(
    kind: BoxLoss, deltas: Tensor, proposals: Tensor, matched: Tensor, coder: BoxCoder, samples: int, beta: float
) -> Tensor:
    """The loss of P positive regions, summed and divided by all `samples` regions, negative ones too.

        smooth_l1   sum_i smooth_l1(deltas_i - encode(matched_i), beta)
        giou        10 sum_i (1 - GIoU(decode(deltas_i), matched_i))

    Shapes: deltas, proposals, matched [P, 4], the boxes as x1 y1 x2 y2 in px -> scalar.
    """
    if kind == "giou":
        decoded = coder.decode_single(deltas, proposals)
        total = GIOU_WEIGHT * generalized_box_iou_loss(decoded, matched, reduction="sum")
    else:
        total = F.smooth_l1_loss(deltas, coder.encode_single(matched, proposals), beta=beta, reduction="sum")
    return total / max(samples, 1)


def mask_loss(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy of each region's mask for its own class, mean over regions and pixels; 0 for no region.

    Shapes: logits [P, num_classes, M, M], labels [P], targets [P, M, M] in [0, 1] -> scalar.
    """
    if not len(labels):
        return logits.sum() * 0
    own = logits[torch.arange(len(labels), device=labels.device), labels]
    return F.binary_cross_entropy_with_logits(own, targets)


def mask_targets(masks: Sequence[BoxedMasks], boxes: Sequence[Tensor], matched: Sequence[Tensor], side: int) -> Tensor:
    """Each region's view of the instance that it was matched to: RoIAlign of the mask in the box -> [P, side, side].

    Per image: masks, boxes [P_i, 4], matched [P_i] indices into the masks. A mask is read where its instance is, not
    in an image full of zeros; RoIAlign of either is the same, for a margin of zeros belongs to the crop.
    """
    views = [
        roi_align(crop[None, None], [(box - corner)[None]], side)[0, 0]
        for own, of_image, indices in zip(masks, boxes, matched, strict=True)
        for box, (crop, corner) in zip(of_image, own.at(indices, of_image), strict=True)
    ]
    device = boxes[0].device if boxes else None
    return torch.stack(views) if views else torch.zeros(0, side, side, device=device)
