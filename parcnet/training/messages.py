"""The messages of a run."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from parcnet.base import counted, next_steps, say, table, warn
from parcnet.training.endings import data_flag
from parcnet.training.final_evaluation import TrainingResult
from parcnet.training.run.recorder import RunRecorder
from parcnet.training.run.start import RunStart
from parcnet.training.setup.prepare import RunSetup

_SLOW = 0.3
"""Fraction of the training time spent waiting for images from which a run warns."""


def announce(setup: RunSetup, start: RunStart, recorder: RunRecorder, changes: Sequence[str]) -> None:
    """Prints network, data, schedule and run folder; for a resumed run also where it resumes and what has changed."""
    plan = setup.plan
    images = ", ".join(f"{count:,} {name}" for name, count in setup.splits.sizes.items())
    height, width = setup.built.preprocessing.size
    say(
        f"[bold]{escape(setup.recipe.name)}[/bold]: {escape(setup.recipe.network.model)}, "
        f"{setup.parameters / 1e6:.2f}M parameters, {height} x {width} pixels, on {escape(setup.machine)}"
    )
    for note in setup.built.notes:
        say(escape(note))
    say(f"{escape(setup.splits.train.name)}: {images} images, {len(setup.classes)} classes")
    if str(plan.split) != f"{plan.split.batch} images":
        say(f"a batch of {plan.split.batch} is {plan.split}")
    say(f"{plan.epochs} epochs of {plan.steps_per_epoch} steps; run folder {escape(str(start.folder.path))}")
    if start.state is not None:
        where = f"epoch {recorder.progress.epoch + 1}, {counted(recorder.progress.done, 'step')} taken"
        say(f"resumes from {escape(start.state.source)}: {where}")
    for change in changes:
        warn(f"changed since the state was saved, so losses are not bit-identical to an uninterrupted run: {change}")


def summarise(setup: RunSetup, recorder: RunRecorder, result: TrainingResult, seconds: float) -> None:
    """Prints metrics, pictures and next steps."""
    _warn_if_input_bound(setup, recorder)
    metrics = setup.task.metrics
    rows = [
        (name, str(scores.count), *(metric.shown(scores.metrics()[metric.name]) for metric in metrics))
        for name, scores in (("validation", result.val), ("test", result.test))
        if scores is not None
    ]
    title = f"Best epoch {result.best.epoch}, selected on validation; {seconds:.0f} s in total"
    table(title, ("split", "images", *(metric.title for metric in metrics)), rows)
    if result.test is None:
        say("There is no test split. The epoch was selected on validation, so its metrics are optimistic.")
    say(f"Pictures: {', '.join(escape(str(path)) for path in result.pictures)}")
    next_steps(_next_commands(setup, result))


def _warn_if_input_bound(setup: RunSetup, recorder: RunRecorder) -> None:
    """Warns if training spent much of its time waiting for images."""
    if not recorder.log or (waited := recorder.log[-1].waited) < _SLOW:
        return
    warn(
        f"training waited for images {waited:.0%} of the time. Use more --workers (now {setup.recipe.data.workers}; "
        f"the machine has {os.cpu_count()} cores), smaller image files, or a faster disk."
    )


def _next_commands(setup: RunSetup, result: TrainingResult) -> list[tuple[str, str]]:
    folder = _quoted(result.folder.path)
    split = "val" if setup.splits.test is None else "test"
    sample = setup.splits.val if setup.splits.test is None else setup.splits.test
    example = Path(sample.where(0))
    image = _quoted(example) if example.is_file() else "IMAGE"
    return [
        (f"parcnet eval {folder}{data_flag(setup)} --split {split}", "the same metrics, from the checkpoint"),
        (f"parcnet predict {folder} {image}{setup.task.predict_flags}", setup.task.predicts),
        (f"parcnet report {folder}", "the whole run on one page"),
        (
            f"parcnet train -c {_quoted(result.folder.recipe)} --seed {setup.recipe.run.seed + 1}",
            "the same with another seed, to see how much metrics vary",
        ),
    ]


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
