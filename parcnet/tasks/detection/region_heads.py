"""The heads of a region: box heads, box predictors and mask head."""

from typing import Literal

import torch
from torch import Tensor, nn
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead

BoxHead = Literal["2fc", "4conv1fc"]

REGION = 7
"""Side of pooled regions for the box heads; mask heads take 14 and predict 28."""
HIDDEN = 1024


class ClassAgnosticPredictor(nn.Module):
    """Regions [N, C] -> logits [N, classes + 1] and one box [N, 4] for all classes."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(channels, num_classes)
        self.bbox_pred = nn.Linear(channels, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(x), self.bbox_pred(x)


class Float32RPNHead(RPNHead):
    """torchvision's, with outputs in float32, since half precision resolves only 1 px beyond 1024 px."""

    def forward(self, x: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        logits, deltas = super().forward(x)
        return [each.float() for each in logits], [each.float() for each in deltas]


def region_head(kind: BoxHead, channels: int) -> nn.Module:
    """[N, C, 7, 7] -> [N, 1024]. "2fc": two linear layers; "4conv1fc": four 3x3 conv-BatchNorm and one linear layer."""
    if kind == "2fc":
        return TwoMLPHead(channels * REGION**2, HIDDEN)
    return FastRCNNConvFCHead((channels, REGION, REGION), [channels] * 4, [HIDDEN], norm_layer=nn.BatchNorm2d)


def box_predictor(num_classes: int, class_agnostic: bool) -> nn.Module:
    """Regions [N, 1024] -> logits [N, num_classes], background first, and box deltas [N, 4] or [N, 4 num_classes].

    Initialised small, as published, so that initial scores are uniform and initial boxes are the proposals.
    """
    predictor = (ClassAgnosticPredictor if class_agnostic else FastRCNNPredictor)(HIDDEN, num_classes)
    for layer, std in ((predictor.cls_score, 0.01), (predictor.bbox_pred, 0.001)):
        nn.init.normal_(layer.weight, std=std)
        nn.init.zeros_(layer.bias)
    return predictor


def mask_head(channels: int, num_classes: int) -> nn.Sequential:
    """[N, C, 14, 14] -> logits [N, num_classes, 28, 28]: four 3x3, one transposed and one 1x1 convolution."""
    return nn.Sequential(MaskRCNNHeads(channels, [256] * 4, 1), MaskRCNNPredictor(256, 256, num_classes))


def deltas_of_labels(deltas: Tensor, labels: Tensor) -> Tensor:
    """Selects from each region's deltas [N, 4 or 4 num_classes] those of its label [N] -> [N, 4]."""
    if deltas.shape[1] == 4:
        return deltas
    rows = torch.arange(len(labels), device=labels.device)
    return deltas.view(len(labels), deltas.shape[1] // 4, 4)[rows, labels]
