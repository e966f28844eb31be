"""What the runner has to know of an experiment."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parcnet_lab.paper.claims.finding import ClaimOutcome
from parcnet_lab.paper.claims.settings import Settings

Note = Callable[[int, str], None]
"""note(seconds, what): work that was expected to take so long is done; see `Experiment.seconds`."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture to be drawn into a file, and the sentence below it."""

    caption: str
    draw: Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Experiment:
    """A claim of the paper and the code that tests it.

    seconds    how long it takes on two CPU cores, expected; what `measure` notes adds up to it
    measure    does the work and answers with the outcome and its pictures
    recipe     what else its figures depend on, as JSON: a change of it makes kept findings stale
    revision   to be raised when the code changes what is measured: kept findings are then measured anew
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
