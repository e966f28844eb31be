"""What an experiment found, as a frozen record that is written as JSON and read back."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parcnet_lab.paper.claims.verdicts import Interval, Verdict


@dataclass(frozen=True, slots=True)
class ClaimFigure:
    """One line of an experiment's table: a value in words, and where it is a comparison, its interval and verdict."""

    name: str
    value: str
    paper: str = ""
    """What the paper prints for it: the authors' figure, never ours."""
    interval: Interval | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """What an experiment's code returns; who it is and how long it took is added by the runner.

    `data` holds every number behind the pictures, as JSON; `seconds` counts work that earlier runs have kept.
    """

    figures: tuple[ClaimFigure, ...]
    verdict: Verdict
    because: str
    """One or two sentences: why that verdict, and what it does not say."""
    data: Mapping[str, Any]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """The name of a picture's file, beside the record, and the sentence below it."""

    file: str
    caption: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim of the paper, the experiment that tested it, and what came out."""

    number: int
    title: str
    claim: str
    source: str
    """Where the paper says it."""
    experiment: str
    """What was done, in two sentences."""
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
