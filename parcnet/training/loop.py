"""The loop over epochs: train, then look at validation. It never sees the test split."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor

from parcnet.base import progress
from parcnet.evaluation import evaluate, torch_predictor
from parcnet.training.epoch import NonFinite, train_epoch
from parcnet.training.step import Stepper


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and on which batches."""

    epochs: int
    """Cool-down included."""
    steps_per_epoch: int
    batch_size: int
    num_classes: int
    log_every: int
    training: Callable[[int], Iterable[tuple[Tensor, Tensor]]]
    """Epoch, from 0 -> its augmented batches."""
    validation: Iterable[tuple[Tensor, Tensor]]
    """Iterated once an epoch."""


@dataclass(frozen=True, slots=True)
class EpochLog:
    """One line of log.jsonl."""

    epoch: int
    """From 1."""
    train_loss: float
    """Mean over the epoch's steps, on augmented images and smoothed labels, in nats."""
    val_loss: float
    """Mean cross entropy without smoothing, in nats. With an average of the weights: of the averaged network."""
    val_top1: float
    """In [0, 1]."""
    lr: float
    """Of the epoch's last step."""
    seconds: float
    """Training and validation."""
    images_per_second: float
    """Training alone."""


def fit(stepper: Stepper, plan: Plan, keep: Callable[[EpochLog], None]) -> None:
    """Trains for `plan.epochs`; after each one calls `keep` with its figures, the network being in train mode.

    Raises `NonFinite` before `keep` sees an epoch in which a loss was not finite.
    """
    stepper.network.train()
    best = 0.0
    with progress("training", plan.epochs * plan.steps_per_epoch, "steps") as advance:
        for epoch in range(plan.epochs):
            started = time.perf_counter()
            said = f"epoch {epoch + 1}/{plan.epochs}" + (f", best val top-1 {best:.2%}" if epoch else "")

            def advanced(steps: int, loss: float, said: str = said) -> None:
                advance(steps, f"{said}, loss {loss:.3f}")

            first_step = epoch * plan.steps_per_epoch
            loss = train_epoch(stepper, plan.training(epoch), first_step, plan.log_every, advanced)
            trained = time.perf_counter()
            with torch_predictor(stepper.kept, stepper.device, stepper.dtype) as predictor:
                val = evaluate(predictor, plan.validation, plan.num_classes)
            if not math.isfinite(val.loss):
                raise NonFinite(val.loss, None)
            best = max(best, val.top1)
            images = plan.steps_per_epoch * plan.batch_size
            seconds = time.perf_counter() - started
            rate = images / (trained - started)
            keep(EpochLog(epoch + 1, loss, val.loss, val.top1, stepper.lr, round(seconds, 3), round(rate, 1)))
