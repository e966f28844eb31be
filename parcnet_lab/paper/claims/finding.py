"""The finding of an experiment: a frozen record, stored as JSON."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parcnet_lab.paper.claims.verdicts import Interval, Verdict


@dataclass(frozen=True, slots=True)
class ClaimFigure:
    """A row of a finding's table: a value as text and, for comparisons, interval and verdict."""

    name: str
    value: str
    paper: str = ""
    """The authors' printed figure."""
    interval: Interval | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """The result of `Experiment.measure`, which the runner completes to a `Finding`.

    `data` holds every number behind the pictures, as JSON; `seconds` includes work cached by earlier runs.
    """

    figures: tuple[ClaimFigure, ...]
    verdict: Verdict
    because: str
    """One or two sentences: the reason for the verdict, and its limits."""
    data: Mapping[str, Any]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's file name, beside the record, and its caption."""

    file: str
    caption: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim of the paper, the experiment that tested it, and its result."""

    number: int
    title: str
    claim: str
    source: str
    """Section, table or figure of the paper."""
    experiment: str
    """The method, in two sentences."""
    figures: tuple[ClaimFigure, ...]
    verdict: Verdict
    because: str
    seeds: tuple[int, ...]
    seconds: float
    pictures: tuple[Picture, ...]
    data: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "Finding":
        """The inverse of `to_dict`. Raises TypeError or KeyError for a record of another shape."""
        figures = tuple(
            ClaimFigure(**{**each, "interval": None if each["interval"] is None else Interval(**each["interval"])})
            for each in found["figures"]
        )
        pictures = tuple(Picture(**each) for each in found["pictures"])
        return cls(**{**found, "figures": figures, "pictures": pictures, "seeds": tuple(found["seeds"])})
