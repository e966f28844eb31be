"""One pass over the training images."""

import math
import time
from collections.abc import Callable, Iterable
from itertools import islice

from parcnet.base import warn
from parcnet.tasks.task import Batch
from parcnet.training.loop.log_lines import StepLog
from parcnet.training.loop.memory import peak_megabytes
from parcnet.training.loop.nonfinite import NonFinite, find_origin
from parcnet.training.loop.progress import Progress
from parcnet.training.loop.step import Stepper, StepResult


def train_epoch(
    stepper: Stepper,
    micro_batches: Iterable[Batch],
    position: Progress,
    *,
    steps: int,
    until: int | None = None,
    accumulation: int,
    batch_size: int,
    max_skipped: int,
    step_taken: Callable[[StepLog, bool], None],
) -> None:
    """Takes the steps of an epoch that remain after `position`, and advances it.

    A whole epoch has `steps`; `until` ends this one earlier.

    After each one `step_taken(figures, asked to stop)` is called, which may raise. More than `max_skipped`
    consecutive steps that change nothing, because loss or gradient is not finite, raise `NonFinite` before that.
    """
    iterator = iter(micro_batches)
    while position.done < (steps if until is None else until):
        started = time.perf_counter()
        batch = list(islice(iterator, accumulation))
        read = time.perf_counter()
        assert len(batch) == accumulation, "the loader has fewer batches than it said"
        step = position.epoch * steps + position.done
        taken = stepper(batch, step)
        rate = batch_size / (time.perf_counter() - started)
        _move(position, taken)
        if not taken.updated and not taken.overflowed:
            _skip(stepper, batch, position, taken, step, max_skipped)
        figures = StepLog(
            step + 1,
            position.epoch + 1,
            taken.loss if math.isfinite(taken.loss) else None,
            taken.grad_norm if math.isfinite(taken.grad_norm) else None,
            stepper.lr,
            taken.updated,
            round(rate, 1),
            round(read - started, 4),
            peak_megabytes(stepper.device),
        )
        step_taken(figures, taken.stop)


def _move(position: Progress, taken: StepResult) -> None:
    position.done += 1
    if math.isfinite(taken.loss):
        position.losses.append(taken.loss)
    if taken.updated:
        position.skipped = 0


def _skip(
    stepper: Stepper, batch: list[Batch], position: Progress, taken: StepResult, step: int, max_skipped: int
) -> None:
    position.skipped += 1
    what, value = ("gradient", taken.grad_norm) if math.isfinite(taken.loss) else ("loss", taken.loss)
    if position.skipped > max_skipped:
        raise NonFinite(value, step + 2 - position.skipped, what, find_origin(stepper, batch, step))
    if stepper.group.main:
        warn(f"step {step + 1} changes nothing: its {what} is {value} ({position.skipped} in a row)")
