"""Class scores of a detector for Grad-CAM."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.tasks.class_scores import ClassScores, ScoredNetwork


class DetectorClassScores(ScoredNetwork):
    """For a detector whose detections have scores s_n and classes k_n:

        score_k = sum_{n: k_n = k} s_n      confidence_k = max_{n: k_n = k} s_n

    A class without detections has score 0. The normalisation of the images by `mean` and `std` is undone, because
    detectors normalise their input themselves.
    """

    measure = "highest score"

    def __init__(self, network: nn.Module, classes: int, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__(network, "backbone.body.net")
        self.classes = classes
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> ClassScores:
        mean: Any = self.mean
        std: Any = self.std
        (detection,) = self.network([(images[0] * std + mean).clamp(0, 1)])
        by_class = F.one_hot(detection["labels"], self.classes).to(detection["scores"].dtype)
        by_class = by_class * detection["scores"][:, None]
        zero = by_class.new_zeros(1, self.classes)
        return ClassScores((zero + by_class.sum(0)), torch.cat([zero, by_class.detach()]).amax(0, keepdim=True))
