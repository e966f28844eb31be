"""Class scores of a segmenter for Grad-CAM."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.tasks.class_scores import ClassScores, ScoredNetwork


class SegmenterClassScores(ScoredNetwork):
    """For a segmenter with logits l [1, K, H, W] and the set P_k of pixels whose likeliest class is k:

        score_k = sum_{(i,j) in P_k} l[k,i,j] / HW      confidence_k = |P_k| / HW

    as in Seg-Grad-CAM (arXiv 2002.11434, Eq. 2); the sum is over all pixels when P_k is empty.
    """

    measure = "fraction of the pixels"

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network, "backbone.net")

    def forward(self, images: Tensor) -> ClassScores:
        logits = self.network(images).float()
        likeliest = F.one_hot(logits.argmax(1), logits.shape[1]).movedim(-1, 1).to(logits.dtype)
        confidence = likeliest.mean((2, 3))
        regions = torch.where((confidence > 0)[:, :, None, None], likeliest, 1.0)
        return ClassScores((regions * logits).mean((2, 3)), confidence)
