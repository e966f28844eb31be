"""A multi-label classifier as Grad-CAM explains it."""

from typing import Any

from torch import Tensor, nn

from parcnet.tasks.class_scores import ClassScores, ScoredNetwork


class MultiLabelClassScores(ScoredNetwork):
    """Of logits l [1, K], whose classes are independent:

    score_k = l_k      confidence_k = sigmoid(l_k)
    """

    measure = "probability"

    def __init__(self, network: nn.Module) -> None:
        nn.Module.__init__(self)
        self.network = network
        info: Any = getattr(network, "feature_info", None) or []
        described = info if isinstance(info, list) else getattr(info, "info", [])
        self.feature_info = [{**each, "module": f"network.{each['module']}"} for each in described]

    def forward(self, images: Tensor) -> ClassScores:
        logits = self.network(images)
        return ClassScores(logits, logits.detach().float().sigmoid())
