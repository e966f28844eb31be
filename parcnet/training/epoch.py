"""One pass over the training images."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from parcnet.training.step import Stepper


class NonFinite(ArithmeticError):
    """A loss that is no finite number."""

    def __init__(self, value: float, step: int | None) -> None:
        self.value = value
        self.step = step
        """Number of the training step, from 1; None for the validation loss."""
        where = "validation" if step is None else f"step {step}"
        super().__init__(f"the loss is {value} at {where}")


def train_epoch(
    stepper: Stepper,
    batches: Iterable[tuple[Tensor, Tensor]],
    first_step: int,
    log_every: int,
    advance: Callable[[int, float], None],
) -> float:
    """Takes a step for each batch, the first being number `first_step` (from 0), and returns their mean loss.

    Every `log_every` steps the losses come to the CPU: `advance(steps, mean loss of these steps)` is called, and a loss
    that is not finite raises `NonFinite` with the exact step.
    """
    losses: list[float] = []
    waiting: list[Tensor] = []

    def look() -> None:
        values = torch.stack(waiting).tolist()
        for position, value in enumerate(values):
            if not math.isfinite(value):
                raise NonFinite(value, first_step + len(losses) + position + 1)
        losses.extend(values)
        waiting.clear()
        advance(len(values), math.fsum(values) / len(values))

    for step, (images, labels) in enumerate(batches, first_step):
        waiting.append(stepper(images, labels, step))
        if len(waiting) == log_every:
            look()
    if waiting:
        look()
    return math.fsum(losses) / len(losses)
