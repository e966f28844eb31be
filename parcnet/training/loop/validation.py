"""Validation after an epoch."""

import math
from collections.abc import Iterable, Iterator

from parcnet.tasks.predictor import torch_predictor
from parcnet.tasks.task import Batch, Task
from parcnet.training.loop.nonfinite import NonFinite, first_nonfinite_weight
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.loop.step import Stepper


class Stopped(Exception):
    """A signal stopped the run after its state was saved."""


def validate(task: Task, stepper: Stepper, plan: TrainingPlan) -> dict[str, float | None]:
    """The logged metrics on the validation split. Raises `NonFinite` if one is not finite, `Stopped` after a signal."""
    stepper.synchronise()
    # outputs that are not finite are diagnosed below
    with torch_predictor(stepper.saved_network, stepper.device, stepper.dtype, finite=False) as predictor:
        batches = _interruptible(plan.validation, stepper)
        scores = task.evaluate(predictor, batches, plan.metadata, stepper.group).metrics()
    for name in task.logged:
        if not math.isfinite(scores[name]):
            weight = first_nonfinite_weight(stepper.saved_network)
            origin = f"The weights themselves are not finite, {weight} first." if weight else ""
            raise NonFinite(scores[name], None, name, origin)
    return {name: scores[name] for name in task.logged}


def _interruptible(batches: Iterable[Batch], stepper: Stepper) -> Iterator[Batch]:
    """Lets a single process stop during validation, since its state is saved; several stop at the next step."""
    for batch in batches:
        yield batch
        if stepper.group.world == 1 and stepper.stop_requested():
            raise Stopped
