"""Segmenters and detectors as Grad-CAM asks them: one score a class for the whole image."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ClassScores(NamedTuple):
    """What an image says of each class."""

    scores: Tensor
    """[1, K]: what is differentiated."""
    shares: Tensor
    """[1, K]: what is told beside the picture, from 0 to 1; the class with the largest is explained unasked."""


class Scored(nn.Module):
    """A network over a backbone whose forward answers `ClassScores`; its stages are the backbone's."""

    measure: str
    """What its shares are, in words."""

    def __init__(self, network: nn.Module, path: str) -> None:
        super().__init__()
        self.network = network
        net: Any = network.get_submodule(path)
        self.feature_info = [
            {**each, "module": f"network.{path}.{each['module'].replace('.', '_')}"} for each in net.feature_info.info
        ]


class SegmentationScores(Scored):
    """Of a segmenter with logits l [1, K, H, W], over the places P_k where class k is the likeliest:

        score_k = sum_{(i,j) in P_k} l[k,i,j] / HW      share_k = |P_k| / HW

    as Seg-Grad-CAM sums (arXiv 2002.11434, Eq. 2); where P_k is empty, over all places.
    """

    measure = "share of the pixels"

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network, "backbone.net")

    def forward(self, images: Tensor) -> ClassScores:
        logits = self.network(images).float()
        likeliest = F.one_hot(logits.argmax(1), logits.shape[1]).movedim(-1, 1).to(logits.dtype)
        shares = likeliest.mean((2, 3))
        places = torch.where((shares > 0)[:, :, None, None], likeliest, 1.0)
        return ClassScores((places * logits).mean((2, 3)), shares)


class DetectionScores(Scored):
    """Of a detector that finds objects with scores s_n of classes k_n:

        score_k = sum_{n: k_n = k} s_n      share_k = max_{n: k_n = k} s_n

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
