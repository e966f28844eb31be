"""The loop over epochs: training, then validation. The test split is not used here."""

import math
import time
from collections.abc import Callable
from itertools import islice
from typing import Protocol

from parcnet.base import UserError
from parcnet.base import progress as progress_bar
from parcnet.tasks.task import Task
from parcnet.training.loop.epoch import train_epoch
from parcnet.training.loop.log_lines import EpochLog, StepLog
from parcnet.training.loop.nonfinite import NonFinite, find_origin, replayed_loss
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.loop.progress import Progress
from parcnet.training.loop.step import Stepper
from parcnet.training.loop.validation import Stopped, validate


class Observer(Protocol):
    """Receives the events of the loop."""

    def step(self, line: StepLog) -> None:
        """A step was taken."""

    def state(self, progress: Progress) -> None:
        """The run can be resumed from this point."""

    def epoch(self, line: EpochLog) -> None:
        """An epoch is complete, including validation."""


def fit(task: Task, stepper: Stepper, plan: TrainingPlan, observer: Observer, progress: Progress) -> None:
    """Trains from `progress` to the end of the plan.

    Reports the state after each epoch's steps, every `save_every` steps and after a signal, which then raises
    `Stopped`. Raises `NonFinite` instead of reporting an epoch whose losses or validation are not finite.
    """
    stepper.network.train()
    taken = progress.epoch * plan.steps_per_epoch + progress.done
    with progress_bar("training", plan.steps - taken, "steps") as advance:
        while progress.epoch < plan.epochs:
            _epoch(task, stepper, plan, observer, progress, advance)
            progress.next_epoch()


def _epoch(
    task: Task,
    stepper: Stepper,
    plan: TrainingPlan,
    observer: Observer,
    progress: Progress,
    advance: Callable[[int, str], None],
) -> None:
    started = time.perf_counter()
    epoch, first = progress.epoch, progress.done
    steps, metric = plan.steps_in(epoch), task.best
    best = f", best val {metric.title} {metric.shown(progress.best[f'val_{metric.name}'])}" if progress.best else ""
    waited, unreported = 0.0, 0

    def step_taken(line: StepLog, stop: bool) -> None:
        nonlocal waited, unreported
        waited, unreported = waited + line.waited, unreported + 1
        observer.step(line)
        last = progress.done == steps
        if last or unreported == plan.run.log_every:
            recent = progress.losses[-unreported:]
            loss = f", loss {math.fsum(recent) / len(recent):.3f}" if recent else ""
            advance(unreported, f"epoch {epoch + 1}/{plan.epochs}{best}{loss}")
            unreported = 0
        save_every = plan.run.save_every
        if last or stop or (save_every is not None and line.step % save_every == 0):
            observer.state(progress)
        if stop:
            raise Stopped

    accumulation = plan.split.accumulation
    try:
        train_epoch(
            stepper,
            plan.training(epoch, first * accumulation) if first < steps else (),
            progress,
            steps=plan.steps_per_epoch,
            until=steps,
            accumulation=accumulation,
            batch_size=plan.split.batch,
            max_skipped=plan.max_skipped_steps,
            step_taken=step_taken,
        )
    except UserError:
        if not stepper.stop_requested():
            raise
        observer.state(progress)  # a scheduler's signal also ends the worker processes
        raise Stopped from None
    if not progress.losses or progress.skipped >= steps:
        raise _skipped_epoch(stepper, plan, epoch)
    trained = time.perf_counter()
    val = validate(task, stepper, plan) if plan.validates(epoch) else dict.fromkeys(task.logged)
    seconds, training = time.perf_counter() - started, max(trained - started, 1e-9)
    line = EpochLog(
        epoch + 1,
        math.fsum(progress.losses) / len(progress.losses),
        val,
        stepper.lr,
        round(seconds, 3),
        round((steps - first) * plan.split.batch / training, 1),
        round(min(waited / training, 1.0), 3),
    )
    observer.epoch(line)


def _skipped_epoch(stepper: Stepper, plan: TrainingPlan, epoch: int) -> NonFinite:
    """The error of an epoch whose steps were all skipped. They changed nothing, so the first one can be repeated."""
    step = epoch * plan.steps_per_epoch
    batch = list(islice(plan.training(epoch, 0), plan.split.accumulation))
    origin = find_origin(stepper, batch, step)  # before BatchNorm's statistics are updated
    loss = replayed_loss(stepper, batch, step)
    value, what = (math.nan, "gradient") if math.isfinite(loss) else (loss, "loss")
    return NonFinite(value, step + 1, what, origin)
