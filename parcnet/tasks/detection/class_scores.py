"""A detector as Grad-CAM explains it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.tasks.class_scores import ClassScores, ScoredNetwork


class DetectorClassScores(ScoredNetwork):
    """Of a detector that finds objects with scores s_n of classes k_n:

        score_k = sum_{n: k_n = k} s_n      confidence_k = max_{n: k_n = k} s_n

    Nothing speaks for a class that is not found. Images come normalised by `mean` and `std`, which is undone, because
    detectors normalise themselves.
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
        (found,) = self.network([(images[0] * std + mean).clamp(0, 1)])
        chosen = F.one_hot(found["labels"], self.classes).to(found["scores"].dtype) * found["scores"][:, None]
        none = chosen.new_zeros(1, self.classes)
        return ClassScores((none + chosen.sum(0)), torch.cat([none, chosen.detach()]).amax(0, keepdim=True))
