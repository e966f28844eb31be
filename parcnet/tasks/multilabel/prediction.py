"""The predicted labels of an image, as text and as JSON values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, slots=True)
class LabelPrediction:
    """What one image shows."""

    labels: list[tuple[str, float]]
    """(class, probability) of every class at or above the threshold, the likeliest first; there may be none."""
    top: list[tuple[str, float]]
    """The likeliest classes, whatever the threshold."""
    threshold: float

    def lines(self) -> list[str]:
        if self.labels:
            return [f"{probability:7.2%}  {name}" for name, probability in self.labels]
        name, probability = self.top[0]
        return [f"{probability:7.2%}  {name}, the likeliest: no label reaches the threshold of {self.threshold:.0%}"]

    def to_dict(self) -> dict[str, Any]:
        return {"threshold": self.threshold, "labels": _values(self.labels), "top": _values(self.top)}


def label_prediction(logits: Tensor, classes: Sequence[str], threshold: float, top: int) -> LabelPrediction:
    """The labels of logits [C], whose sigmoids are independent probabilities, and the `top` likeliest classes."""
    probabilities, order = logits.detach().float().cpu().sigmoid().sort(descending=True, stable=True)
    ranked = [(classes[index], value) for index, value in zip(order.tolist(), probabilities.tolist(), strict=True)]
    return LabelPrediction(ranked[: int((probabilities >= threshold).sum())], ranked[:top], threshold)


def _values(found: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"class": name, "probability": probability} for name, probability in found]
