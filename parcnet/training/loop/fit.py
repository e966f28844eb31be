"""The loop over epochs: train, then look at validation. It never sees the test split."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from parcnet.base import UserError, progress
from parcnet.evaluation import torch_predictor
from parcnet.training.loop.epoch import NonFinite, train_epoch
from parcnet.training.loop.log_lines import EpochLog, StepLog
from parcnet.training.loop.nonfinite import first_nonfinite_weight
from parcnet.training.setup.plan import Plan
from parcnet.training.loop.progress import Position
from parcnet.training.loop.step import Batch, Stepper
from parcnet.tasks import Task


class Stopped(Exception):
    """A signal asked the run to stop; its state was saved."""


class Keep(Protocol):
    """What the loop reports to."""

    def step(self, line: StepLog) -> None:
        """A step was taken."""

    def state(self, position: Position) -> None:
        """The run could go on from here."""

    def epoch(self, line: EpochLog) -> None:
        """An epoch is over, validation included."""


def fit(task: Task, stepper: Stepper, plan: Plan, keep: Keep, position: Position) -> None:
    """Trains from `position` to the end of the plan.

    After each epoch's steps, every `save_every` steps and when a signal has come the state is kept; then, when a signal
    has come, `Stopped` is raised. Raises `NonFinite` before `keep` sees an epoch in which validation was not finite.
    """
    stepper.network.train()
    taken = position.epoch * plan.steps_per_epoch + position.done
    with progress("training", plan.steps - taken, "steps") as advance:
        while position.epoch < plan.epochs:
            _epoch(task, stepper, plan, keep, position, advance)
            position.next_epoch()


def _epoch(
    task: Task, stepper: Stepper, plan: Plan, keep: Keep, position: Position, advance: Callable[[int, str], None]
) -> None:
    started = time.perf_counter()
    epoch, begun = position.epoch, position.done
    steps, chosen = plan.steps_in(epoch), task.chosen
    best = f", best val {chosen.title} {chosen.shown(position.best[f'val_{chosen.name}'])}" if position.best else ""
    waited, unseen = 0.0, 0

    def took(line: StepLog, stop: bool) -> None:
        nonlocal waited, unseen
        waited, unseen = waited + line.waited, unseen + 1
        keep.step(line)
        ended = position.done == steps
        if ended or unseen == plan.log_every:
            recent = position.losses[-unseen:]
            loss = f", loss {math.fsum(recent) / len(recent):.3f}" if recent else ""
            advance(unseen, f"epoch {epoch + 1}/{plan.epochs}{best}{loss}")
            unseen = 0
        if ended or stop or (plan.save_every is not None and line.step % plan.save_every == 0):
            keep.state(position)
        if stop:
            raise Stopped

    accumulation = plan.share.accumulation
    try:
        train_epoch(
            stepper,
            plan.training(epoch, begun * accumulation) if begun < steps else (),
            position,
            steps=plan.steps_per_epoch,
            until=steps,
            accumulation=accumulation,
            batch_size=plan.share.batch,
            max_skipped=plan.max_skipped,
            took=took,
        )
    except UserError:
        if not stepper.stopping():
            raise
        keep.state(position)  # a scheduler's signal reaches the processes that read images too, and ends them
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
        round((steps - begun) * plan.share.batch / training, 1),
        round(min(waited / training, 1.0), 3),
    )
    keep.epoch(line)


def _validate(task: Task, stepper: Stepper, plan: Plan) -> dict[str, float | None]:
    stepper.synchronise()
    with torch_predictor(stepper.kept, stepper.device, stepper.dtype) as predictor:
        batches = _interruptible(plan.validation, stepper)
        scores = task.evaluate(predictor, batches, plan.num_classes, stepper.ranks).metrics()
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
        if stepper.ranks.world == 1 and stepper.stopping():
            raise Stopped
