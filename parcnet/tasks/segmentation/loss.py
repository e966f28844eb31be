"""The segmentation loss."""

import torch.nn.functional as F
from torch import Tensor, nn

from parcnet.tasks.segmentation.data import IGNORED


class SegmentationLoss(nn.Module):
    """L = ce(decoder) + weight ce(auxiliary), each the cross entropy summed over pixels / number of all pixels, nats.

    Ignored pixels add nothing but count in the denominator, as in the framework of the published recipes. Equal parts
    of a batch therefore have equal weight, however many of their pixels are ignored, and gradient accumulation is
    exact.

    Shapes: logits [B, K, h, w] of both heads, upsampled to the labels [B, H, W] (bilinear).
    """

    def __init__(self, auxiliary_weight: float) -> None:
        super().__init__()
        self.auxiliary_weight = auxiliary_weight

    def forward(self, outputs: tuple[Tensor, Tensor | None], labels: Tensor) -> Tensor:
        decoder, auxiliary = outputs
        loss = _cross_entropy(decoder, labels)
        if auxiliary is not None:
            loss = loss + self.auxiliary_weight * _cross_entropy(auxiliary, labels)
        return loss


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    logits = F.interpolate(logits, labels.shape[-2:], mode="bilinear", align_corners=False)
    return F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum") / labels.numel()
