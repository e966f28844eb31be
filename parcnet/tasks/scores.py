"""Metrics of an evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Metric:
    """A scalar result of an evaluation; higher is better, except for losses."""

    name: str
    """Its name in logs and files, e.g. top1."""
    title: str
    """Its name in tables, e.g. top-1."""
    percent: bool = True
    """Whether it is a fraction in [0, 1], shown as a percentage."""

    def shown(self, value: float) -> str:
        """The value as text."""
        return f"{value:.2%}" if self.percent else f"{value:.4f}"


class Scores(Protocol):
    """The metrics of one split."""

    @property
    def count(self) -> int:
        """Number of images."""

    @property
    def images_per_second(self) -> float:
        """Reading and resizing included."""

    @property
    def confusion(self) -> NDArray[np.int64] | None:
        """Counts [true class, predicted class]; None where there is no confusion matrix."""

    def metrics(self) -> dict[str, float]:
        """The scalar metrics by `Metric.name`, at least those in `Task.metrics`."""


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """A table that `parcnet eval` prints."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
