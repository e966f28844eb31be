"""Validation after an epoch."""

import math
from collections.abc import Iterable, Iterator

from parcnet.tasks.predictor import torch_predictor
from parcnet.tasks.task import Batch, Task
from parcnet.training.loop.nonfinite import NonFinite, first_nonfinite_weight
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.loop.step import Stepper


class Stopped(Exception):
    """A signal asked the run to stop; its state was saved."""


def validate(task: Task, stepper: Stepper, plan: TrainingPlan) -> dict[str, float | None]:
    """The logged metrics on the validation split. Raises `NonFinite` for NaN and infinity, `Stopped` after a signal."""
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
