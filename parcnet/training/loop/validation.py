"""Validation after an epoch."""

import math
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import torch
from torch import Tensor

from parcnet.tasks.predictor import Predictor, torch_predictor
from parcnet.tasks.task import Batch, Task
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.nonfinite import (
    NonFinite,
    first_nonfinite_weight,
    first_of_ranks,
    nonfinite_value,
    observe_forward,
    weights_are_not_finite,
)
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.loop.step import Stepper


class Stopped(Exception):
    """A signal stopped the run after its state was saved."""


def validate(task: Task, stepper: Stepper, plan: TrainingPlan) -> dict[str, float | None]:
    """The logged metrics on the validation split. Raises `NonFinite` if a metric, an output or a weight is not finite,
    `Stopped` after a signal.

    Outputs and weights are tested too, because some metrics stay finite: detections without a score are no detections.
    """
    stepper.synchronise()
    # outputs that are not finite are diagnosed below
    with torch_predictor(stepper.saved_network, stepper.device, stepper.dtype, finite=False) as predictor:
        outputs = _Observed(predictor)
        batches = _interruptible(plan.validation, stepper)
        scores = task.evaluate(outputs, batches, plan.metadata, stepper.group).metrics()
        found = {name: scores[name] for name in task.logged}
        checked = {**found, "network's output": outputs.total(stepper.group), **_nonfinite_weight(stepper)}
        for name, value in checked.items():
            if not math.isfinite(value):
                raise NonFinite(value, None, name, _origin(task, stepper, plan, predictor))
    return dict(found)


class _Observed:
    """A predictor that remembers whether it has returned NaN or infinity."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.nonfinite = torch.zeros(2)
        """Number of batches with NaN; of those with infinity alone."""

    def __call__(self, images: Any) -> Any:
        outputs = self.predictor(images)
        if value := nonfinite_value(outputs):
            self.nonfinite[0 if math.isnan(value) else 1] += 1
        return outputs

    def total(self, group: ProcessGroup) -> float:
        """NaN or infinity if any rank has seen it, else 0."""
        nan, infinite = group.total(self.nonfinite).tolist()
        return math.nan if nan else math.inf if infinite else 0.0


def _nonfinite_weight(stepper: Stepper) -> dict[str, float]:
    """`weight NAME` -> NaN or infinity, of the first such weight; empty if all are finite. Equal on every rank."""
    name = first_nonfinite_weight(stepper.saved_network)
    return {} if name is None else {f"weight {name}": nonfinite_value(stepper.saved_network.state_dict()[name])}


class _Replayed(Exception):
    """Ends a replayed validation; the message names the first thing that is not finite, if there is one."""


class _NoReduction:
    """Ends a replayed evaluation where the ranks would meet, since each replays its own part."""

    def total(self, values: Tensor) -> NoReturn:  # noqa: ARG002
        raise _Replayed

    def gathered(self, content: bytes) -> NoReturn:  # noqa: ARG002
        raise _Replayed


def _origin(task: Task, stepper: Stepper, plan: TrainingPlan, predictor: Predictor) -> str:
    """A sentence that names the first non-finite weight, image or output of the validation, which is repeated."""
    if name := first_nonfinite_weight(stepper.saved_network):
        return weights_are_not_finite(name)

    def observed(images: Any) -> Any:
        origin, outputs = observe_forward(stepper.saved_network, images, lambda: predictor(images))
        if origin:
            raise _Replayed(origin)
        return outputs

    own = ""
    try:
        task.evaluate(observed, plan.validation, plan.metadata, _NoReduction())
    except _Replayed as found:
        own = str(found)
    return first_of_ranks(own, stepper.group) or "Every layer's output is finite; the metric itself is not."


def _interruptible(batches: Iterable[Batch], stepper: Stepper) -> Iterator[Batch]:
    """Lets a single process stop during validation, since its state is saved; several stop at the next step."""
    for batch in batches:
        yield batch
        if stepper.group.world == 1 and stepper.stop_requested():
            raise Stopped
