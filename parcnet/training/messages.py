"""What a run tells the person before its terminal."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from parcnet.base import counted, next_steps, say, table, warn
from parcnet.training.loop.epoch import NonFinite
from parcnet.training.conclusion import Outcome
from parcnet.training.setup.prepare import Job
from parcnet.training.run.recorder import Keeper
from parcnet.training.setup.plan import Plan
from parcnet.training.loop.progress import Position
from parcnet.training.run.state_files import states

_SLOW = 0.3
"""Share of the training time above which waiting for images is worth a word."""


def introduce(job: Job, plan: Plan, position: Position, changed: Sequence[str]) -> None:
    """What is about to run, on what, and where the results will be; what changed since a run was stopped."""
    images = ", ".join(f"{count:,} {name}" for name, count in job.splits.sizes.items())
    height, width = job.built.preprocessing.size
    say(
        f"[bold]{escape(job.recipe.name)}[/bold]: {escape(job.recipe.network.model)}, {job.parameters / 1e6:.2f}M "
        f"parameters, {height} x {width} pixels, on {escape(job.machine())}"
    )
    for note in job.built.notes:
        say(escape(note))
    say(f"{escape(job.splits.train.name)}: {images} images, {len(job.classes)} classes")
    if str(plan.share) != f"{plan.share.batch} images":
        say(f"a batch of {plan.share.batch} is {plan.share}")
    say(f"{plan.epochs} epochs of {plan.steps_per_epoch} steps; run folder {escape(str(job.folder.path))}")
    if job.start.state:
        where = f"epoch {position.epoch + 1}, {counted(position.done, 'step')} taken"
        say(f"goes on from {escape(job.start.called)}: {where}")
    for change in changed:
        warn(f"changed since then, so losses are no longer bit for bit those of a run left alone: {change}")


def summarise(job: Job, outcome: Outcome, seconds: float) -> None:
    """Accuracy, pictures, and what to do next."""
    metrics = job.task.metrics
    rows = [
        (name, str(each.count), *(metric.shown(each.metrics()[metric.name]) for metric in metrics))
        for name, each in (("validation", outcome.val), ("test", outcome.test))
        if each is not None
    ]
    title = f"Best epoch {outcome.best.epoch}, chosen on validation; {seconds:.0f} s in all"
    table(title, ("split", "images", *(metric.title for metric in metrics)), rows)
    for note in job.task.notes(outcome):
        say(escape(note))
    if outcome.test is None:
        say("There is no test/ folder: the validation figure was used for choosing, so it flatters.")
    say(f"Pictures: {', '.join(escape(str(path)) for path in outcome.pictures)}")
    next_steps(_next(job))


def diagnosis(job: Job, plan: Plan, error: NonFinite, whole_epochs: int) -> str:
    """Why a run stopped at a loss or gradient that is not finite, what is left of it, and where to look."""
    optimizer, run = job.recipe.optimizer, job.recipe.run
    epoch = whole_epochs + 1
    where = f"after epoch {epoch}, on validation" if error.step is None else f"at step {error.step} (epoch {epoch})"
    log = f"; the logs are {job.folder.log} and {job.folder.steps}" if job.folder.steps.exists() else ""
    amp = "" if run.amp == "none" else f"\n  precision: --amp none (is {run.amp}), to rule it out"
    clip = "" if optimizer.clip_grad else "\n  gradients: --clip-grad 1"
    origin = f"\n{error.origin}" if error.origin else ""
    return (
        f"the {error.what} is {error.value} {where}; training stopped. {kept(job, plan, whole_epochs)}{origin}\n"
        "Where to look:\n"
        f"  learning rate: a smaller --lr (is {optimizer.lr:g}) or more --warmup-epochs "
        f"(are {job.recipe.schedule.warmup_epochs:g}){clip}{amp}\n"
        f"  data: images of one flat colour, wrong labels{log}"
    )


def kept(job: Job, plan: Plan, whole_epochs: int) -> str:
    """What is left of a run that stopped after so many epochs."""
    if not whole_epochs:
        return "No epoch was finished, so there is no checkpoint."
    return f"The last good checkpoint is {job.folder.last}, after epoch {whole_epochs} of {plan.epochs}."


def way_on(job: Job, whole_epochs: int, why: str) -> str:
    """What a person whose run was stopped by a signal can do with what was saved."""
    found = states(job.folder.path)
    if not found:
        return f"{why} after {counted(whole_epochs, 'whole epoch')}; nothing was saved yet."
    lines = [
        f"{why} after {counted(whole_epochs, 'whole epoch')}; everything is in {found[0]}.",
        "Go on as if nothing had happened:",
        f"  {_command(job)} train --resume {_quoted(job.folder.path)}",
    ]
    if job.folder.last.exists():
        lines += [
            "See how good it is after its last whole epoch:",
            f"  parcnet eval {_quoted(job.folder.last)}{_data(job)}",
        ]
    return "\n".join(lines)


def slow_reading(job: Job, keeper: Keeper) -> None:
    """Says when steps spent much of their time waiting for images, and what to do."""
    if not keeper.log or (share := keeper.log[-1].waited) < _SLOW:
        return
    warn(
        f"steps waited for images {share:.0%} of the time: the network could train faster. More --workers (are "
        f"{job.recipe.data.workers}; this machine has {os.cpu_count()} cores), smaller images on the disk, or a faster "
        "disk."
    )


def _next(job: Job) -> list[tuple[str, str]]:
    folder = _quoted(job.folder.path)
    split = "val" if job.splits.test is None else "test"
    sample = job.splits.val if job.splits.test is None else job.splits.test
    example = Path(sample.where(0))
    image = _quoted(example) if example.is_file() else "IMAGE"
    return [
        (f"parcnet eval {folder}{_data(job)} --split {split}", "the same figures again, from the checkpoint"),
        (f"parcnet predict {folder} {image}{job.task.predict_flags}", job.task.predicts),
        (f"parcnet report {folder}", "the whole run on one page"),
        (f"parcnet train -c {_quoted(job.folder.recipe)} --seed {job.recipe.run.seed + 1}", "how much is luck"),
    ]


def _command(job: Job) -> str:
    """How the same number of processes starts; several machines need what they were started with."""
    return "parcnet" if job.ranks.world == 1 else f"torchrun --nproc-per-node {job.ranks.world} -m parcnet"


def _data(job: Job) -> str:
    folder = job.recipe.data.data_dir
    return "" if folder is None else f" --data-dir {shlex.quote(folder)}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
