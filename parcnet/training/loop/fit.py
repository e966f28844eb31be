"""The loop over epochs: train, then validate. It never sees the test split."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from parcnet.base import UserError, progress
from parcnet.tasks.predictor import torch_predictor
from parcnet.tasks.task import Batch, Task
from parcnet.training.loop.epoch import NonFinite, train_epoch
from parcnet.training.loop.log_lines import EpochLog, StepLog
from parcnet.training.loop.nonfinite import first_nonfinite_weight
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.loop.progress import Progress
from parcnet.training.loop.step import Stepper


class Stopped(Exception):
    """A signal asked the run to stop; its state was saved."""


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
    val = _validate(task, stepper, plan) if plan.validates(epoch) else dict.fromkeys(task.logged)
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


def _validate(task: Task, stepper: Stepper, plan: TrainingPlan) -> dict[str, float | None]:
    stepper.synchronise()
    with torch_predictor(stepper.kept, stepper.device, stepper.dtype) as predictor:
        batches = _interruptible(plan.validation, stepper)
        scores = task.evaluate(predictor, batches, plan.metadata, stepper.group).metrics()
    for name in task.logged:
        if not math.isfinite(scores[name]):
            weight = first_nonfinite_weight(stepper.kept)
            origin = f"The weights themselves are not finite, {weight} first." if weight else ""
            raise NonFinite(scores[name], None, name, origin)
    return {name: scores[name] for name in task.logged}


def _interruptible(batches: Iterable[Batch], stepper: Stepper) -> Iterator[Batch]:
    """The state is on the disk already, so one process may stop here; several stop together, at their next step."""
    for batch in batches:
        yield batch
        if stepper.group.world == 1 and stepper.stopping():
            raise Stopped
