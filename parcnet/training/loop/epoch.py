"""One epoch of training."""

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
    progress: Progress,
    *,
    steps: int,
    until: int | None = None,
    accumulation: int,
    batch_size: int,
    max_skipped: int,
    step_taken: Callable[[StepLog, bool], None],
) -> None:
    """Takes the remaining steps of the epoch in `progress`, which it updates.

    A full epoch has `steps`; `until` ends it earlier. After each step, `step_taken(log line, stop requested)` is
    called, which may raise. Raises `NonFinite`, before that call, after more than `max_skipped` consecutive steps that
    were skipped because loss or gradient was not finite.
    """
    iterator = iter(micro_batches)
    while progress.done < (steps if until is None else until):
        started = time.perf_counter()
        batch = list(islice(iterator, accumulation))
        read = time.perf_counter()
        assert len(batch) == accumulation, "the loader has fewer batches than its length"
        step = progress.epoch * steps + progress.done
        result = stepper(batch, step)
        rate = batch_size / (time.perf_counter() - started)
        _update(progress, result)
        if not result.updated and not result.overflowed:
            _count_skipped(stepper, batch, progress, result, step, max_skipped)
        line = StepLog(
            step + 1,
            progress.epoch + 1,
            result.loss if math.isfinite(result.loss) else None,
            result.grad_norm if math.isfinite(result.grad_norm) else None,
            stepper.lr,
            result.updated,
            round(rate, 1),
            round(read - started, 4),
            peak_megabytes(stepper.device),
        )
        step_taken(line, result.stop)


def _update(progress: Progress, result: StepResult) -> None:
    progress.done += 1
    if math.isfinite(result.loss):
        progress.losses.append(result.loss)
    if result.updated:
        progress.skipped = 0


def _count_skipped(
    stepper: Stepper, batch: list[Batch], progress: Progress, result: StepResult, step: int, max_skipped: int
) -> None:
    progress.skipped += 1
    what, value = ("gradient", result.grad_norm) if math.isfinite(result.loss) else ("loss", result.loss)
    if progress.skipped > max_skipped:
        raise NonFinite(value, step + 2 - progress.skipped, what, find_origin(stepper, batch, step))
    if stepper.group.main:
        warn(f"step {step + 1} changes nothing: its {what} is {value} ({progress.skipped} in a row)")
