"""Class scores of a whole image, which Grad-CAM differentiates in networks that are not classifiers."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn


class ClassScores(NamedTuple):
    """The class scores of one image."""

    scores: Tensor
    """[1, K], the scores to differentiate."""
    confidence: Tensor
    """[1, K] in [0, 1], shown with the picture; the class with the highest is explained by default."""


class ScoredNetwork(nn.Module):
    """Wraps a network over a backbone so that its forward returns `ClassScores`; the stages are the backbone's."""

    measure: str
    """What the confidence measures, for people."""

    def __init__(self, network: nn.Module, path: str) -> None:
        super().__init__()
        self.network = network
        net: Any = network.get_submodule(path)
        self.feature_info = [
            {**each, "module": f"network.{path}.{each['module'].replace('.', '_')}"} for each in net.feature_info.info
        ]


@dataclass(frozen=True, slots=True)
class ExplainedNetwork:
    """The parts of a network that `parcnet.explain` works on."""

    backbone: nn.Module
    """The network whose layers, kernels and gates are shown."""
    scored: ScoredNetwork | None = None
    """The network that Grad-CAM explains; None: the backbone, which is a classifier."""
