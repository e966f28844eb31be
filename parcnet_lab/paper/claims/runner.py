"""Runs experiments and stores each finding, so that an interrupted run resumes after the last one."""

import json
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from parcnet.base import UserError, check_writable, progress, versions, write_json
from parcnet.base.console import Advance
from parcnet_lab.bench.machine import describe
from parcnet_lab.paper.claims.claims_page import write_claims
from parcnet_lab.paper.claims.experiment import Experiment, Note
from parcnet_lab.paper.claims.finding import Finding, Picture
from parcnet_lab.paper.claims.photographs import photographs
from parcnet_lab.paper.claims.registry import EXPERIMENTS
from parcnet_lab.paper.claims.settings import Settings
from parcnet_lab.paper.claims.summary import write_summary


def run(settings: Settings, only: Sequence[int] = (), command: str = "parcnet paper claims") -> list[Finding]:
    """Runs the experiments of these numbers (none: all) and writes the results to the folder.

    claim-N.json and its pictures for each, claims.json with the machine, claims.html (self-contained), claims.md.
    A kept finding is used when nothing it depends on has changed: its code's revision, its recipe, the seeds, and the
    versions of parcnet and torch. The page also shows findings of earlier runs under these settings.

    Raises `UserError` for an unknown number, and where the package that holds the photographs is missing.
    """
    asked = _asked(only)
    check_writable(settings.folder / "claims.html")
    photographs()  # reports a missing package before any work
    with progress("experiments", sum(each.seconds(settings) for each in asked), "s of work") as advance:
        for each in asked:
            if kept(each, settings) is not None:
                advance(each.seconds(settings), f"{each.number}. {each.title}: kept")
                continue
            _measure(each, settings, partial(_named, advance, each.number))
    findings = [found for each in EXPERIMENTS.values() if (found := kept(each, settings)) is not None]
    about = {"command": command, "machine": describe("cpu", seconds=0.5), "quick": settings.quick}
    write_json(settings.folder / "claims.json", {**about, "findings": [each.to_dict() for each in findings]})
    write_claims(settings.folder / "claims.html", findings, about, settings.folder)
    write_summary(settings.folder / "claims.md", findings, about)
    return [each for each in findings if each.number in {one.number for one in asked}]


def kept(experiment: Experiment, settings: Settings) -> Finding | None:
    """The finding of an earlier run; None if there is none, or if something it depends on has changed."""
    path = settings.folder / f"claim-{experiment.number}.json"
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["key"] != _key(experiment, settings):
            return None
        finding = Finding.from_dict(found["finding"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None  # truncated, or written by another version
    return finding if all((settings.folder / picture.file).exists() for picture in finding.pictures) else None


def _asked(only: Sequence[int]) -> list[Experiment]:
    for number in only:
        if number not in EXPERIMENTS:
            known = ", ".join(map(str, EXPERIMENTS))
            raise UserError(f"there is no claim {number}; expected {known}. `parcnet paper claims --help` names them.")
    return [each for number, each in EXPERIMENTS.items() if not only or number in only]


def _named(advance: Advance, number: int, seconds: int, what: str) -> None:
    advance(seconds, f"{number}. {what}")


def _measure(experiment: Experiment, settings: Settings, note: Note) -> None:
    started = time.perf_counter()
    outcome, drawings = experiment.measure(settings, note)
    seconds = max(time.perf_counter() - started, outcome.seconds)
    pictures = []
    for place, drawing in enumerate(drawings, start=1):
        picture = Picture(f"claim-{experiment.number}-{place}.png", drawing.caption)
        drawing.draw(settings.folder / picture.file)
        pictures.append(picture)
    finding = Finding(
        number=experiment.number,
        title=experiment.title,
        claim=experiment.claim,
        source=experiment.source,
        experiment=experiment.experiment,
        figures=outcome.figures,
        verdict=outcome.verdict,
        because=outcome.because,
        seeds=settings.every_seed,
        seconds=round(seconds, 1),
        pictures=tuple(pictures),
        data=outcome.data,
    )
    record = {"key": _key(experiment, settings), "finding": finding.to_dict()}
    write_json(settings.folder / f"claim-{experiment.number}.json", record)


def _key(experiment: Experiment, settings: Settings) -> Mapping[str, Any]:
    installed = versions()
    return {
        "revision": experiment.revision,
        "seeds": settings.seeds,
        "quick": settings.quick,
        "recipe": experiment.recipe(settings),
        "versions": {name: installed[name] for name in ("parcnet", "torch")},
    }
