"""The interface between an experiment and the runner."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parcnet_lab.paper.claims.finding import ClaimOutcome
from parcnet_lab.paper.claims.settings import Settings

Note = Callable[[int, str], None]
"""note(seconds, what): reports finished work by its expected duration; see `Experiment.seconds`."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture that draws itself into a file, and its caption."""

    caption: str
    draw: Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Experiment:
    """A claim of the paper and the code that tests it.

    seconds    expected duration on two CPU cores, the sum of what `measure` reports
    measure    runs the experiment; returns the outcome and its pictures
    recipe     what else its figures depend on, as JSON: a change invalidates kept findings
    revision   to be raised when the code changes what is measured: invalidates kept findings
    """

    number: int
    title: str
    claim: str
    source: str
    experiment: str
    seconds: Callable[[Settings], int]
    measure: Callable[[Settings, Note], tuple[ClaimOutcome, list[Drawing]]]
    recipe: Callable[[Settings], Any] = lambda _: None
    revision: int = 1
