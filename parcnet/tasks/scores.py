"""What an evaluation measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that an evaluation gives; higher is better, except for the loss."""

    name: str
    """In logs and files, e.g. top1."""
    title: str
    """For people, e.g. top-1."""
    percent: bool = True
    """Whether it lies in [0, 1] and is shown as a percentage."""

    def shown(self, value: float) -> str:
        """As text."""
        return f"{value:.2%}" if self.percent else f"{value:.4f}"


class Scores(Protocol):
    """The metrics of one split."""

    @property
    def count(self) -> int:
        """Images."""

    @property
    def images_per_second(self) -> float:
        """Reading, resizing and predicting together."""

    @property
    def confusion(self) -> NDArray[np.int64] | None:
        """Counts [true class, predicted class]; None where they are not counted."""

    def metrics(self) -> dict[str, float]:
        """The plain numbers by `Metric.name`, at least those of `Task.metrics`."""


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """A table of `parcnet eval`."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
