"""What Grad-CAM differentiates in networks that are no classifiers: one score a class for the whole image."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn


class ClassScores(NamedTuple):
    """The scores of one image."""

    scores: Tensor
    """[1, K]: what is differentiated."""
    confidence: Tensor
    """[1, K] in [0, 1]: what is printed beside the picture; by default the class with the highest is explained."""


class ScoredNetwork(nn.Module):
    """A network over a backbone whose forward returns `ClassScores`; its stages are the backbone's."""

    measure: str
    """What the confidence measures, in words."""

    def __init__(self, network: nn.Module, path: str) -> None:
        super().__init__()
        self.network = network
        net: Any = network.get_submodule(path)
        self.feature_info = [
            {**each, "module": f"network.{path}.{each['module'].replace('.', '_')}"} for each in net.feature_info.info
        ]


@dataclass(frozen=True, slots=True)
class ExplainedNetwork:
    """A network as the methods of `parcnet.explain` take it."""

    backbone: nn.Module
    """Whose layers, kernels and gates are shown."""
    scored: ScoredNetwork | None = None
    """What Grad-CAM explains; None: the backbone, a classifier."""
