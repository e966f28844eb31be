"""The likeliest classes of an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, slots=True)
class ClassPrediction:
    """The likeliest classes of one image."""

    top: list[tuple[str, float]]
    """(class, probability), the likeliest first."""

    def lines(self) -> list[str]:
        return [f"{probability:7.2%}  {name}" for name, probability in self.top]

    def to_dict(self) -> dict[str, Any]:
        return {"top": [{"class": name, "probability": probability} for name, probability in self.top]}


def top_k(logits: Tensor, classes: Sequence[str], k: int) -> list[list[tuple[str, float]]]:
    """The k likeliest (name, probability) of each row of logits [B, C], the likeliest first; all C if k > C."""
    values, indices = logits.float().softmax(dim=-1).topk(min(k, logits.shape[-1]))
    return [
        [(classes[index], value) for index, value in zip(row, probabilities, strict=True)]
        for row, probabilities in zip(indices.tolist(), values.tolist(), strict=True)
    ]
