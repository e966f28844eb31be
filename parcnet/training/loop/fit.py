"""The loop over epochs: train, then validate. It never sees the test split."""

import math
import time
from collections.abc import Callable
from typing import Protocol

from parcnet.base import UserError, progress
from parcnet.tasks.task import Task
from parcnet.training.loop.epoch import train_epoch
from parcnet.training.loop.log_lines import EpochLog, StepLog
from parcnet.training.loop.nonfinite import NonFinite
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.loop.progress import Progress
from parcnet.training.loop.step import Stepper
from parcnet.training.loop.validation import Stopped, validate


class Observer(Protocol):
    """What the loop reports to."""

    def step(self, line: StepLog) -> None:
        """A step was taken."""

    def state(self, progress: Progress) -> None:
        """The run could be resumed from here."""

    def epoch(self, line: EpochLog) -> None:
        """An epoch is complete, validation included."""


def fit(task: Task, stepper: Stepper, plan: TrainingPlan, observer: Observer, position: Progress) -> None:
    """Trains from `position` to the end of the plan.

    After each epoch's steps, every `save_every` steps and when a signal has arrived the state is reported; in the last
    case `Stopped` is raised. Raises `NonFinite` before an epoch whose validation was not finite is reported.
    """
    stepper.network.train()
    taken = position.epoch * plan.steps_per_epoch + position.done
    with progress("training", plan.steps - taken, "steps") as advance:
        while position.epoch < plan.epochs:
            _epoch(task, stepper, plan, observer, position, advance)
            position.next_epoch()


def _epoch(
    task: Task,
    stepper: Stepper,
    plan: TrainingPlan,
    observer: Observer,
    position: Progress,
    advance: Callable[[int, str], None],
) -> None:
    started = time.perf_counter()
    epoch, begun = position.epoch, position.done
    steps, metric = plan.steps_in(epoch), task.best
    best = f", best val {metric.title} {metric.shown(position.best[f'val_{metric.name}'])}" if position.best else ""
    waited, unreported = 0.0, 0

    def step_taken(line: StepLog, stop: bool) -> None:
        nonlocal waited, unreported
        waited, unreported = waited + line.waited, unreported + 1
        observer.step(line)
        ended = position.done == steps
        if ended or unreported == plan.run.log_every:
            recent = position.losses[-unreported:]
            loss = f", loss {math.fsum(recent) / len(recent):.3f}" if recent else ""
            advance(unreported, f"epoch {epoch + 1}/{plan.epochs}{best}{loss}")
            unreported = 0
        save_every = plan.run.save_every
        if ended or stop or (save_every is not None and line.step % save_every == 0):
            observer.state(position)
        if stop:
            raise Stopped

    accumulation = plan.split.accumulation
    try:
        train_epoch(
            stepper,
            plan.training(epoch, begun * accumulation) if begun < steps else (),
            position,
            steps=plan.steps_per_epoch,
            until=steps,
            accumulation=accumulation,
            batch_size=plan.split.batch,
            max_skipped=plan.max_skipped_steps,
            step_taken=step_taken,
        )
    except UserError:
        if not stepper.stopping():
            raise
        observer.state(position)  # a scheduler's signal reaches the processes that read images too, and ends them
        raise Stopped from None
    if not position.losses:
        raise NonFinite(math.nan, epoch * plan.steps_per_epoch + 1)
    trained = time.perf_counter()
    val = validate(task, stepper, plan) if plan.validates(epoch) else dict.fromkeys(task.logged)
    seconds, training = time.perf_counter() - started, max(trained - started, 1e-9)
    line = EpochLog(
        epoch + 1,
        math.fsum(position.losses) / len(position.losses),
        val,
        stepper.lr,
        round(seconds, 3),
        round((steps - begun) * plan.split.batch / training, 1),
        round(min(waited / training, 1.0), 3),
    )
    observer.epoch(line)
