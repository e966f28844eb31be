"""Why a step had no finite loss or gradient: the step is replayed with its layers observed, on every rank."""

from collections.abc import Sequence

import torch

from parcnet.base import map_tensors
from parcnet.tasks.task import Batch
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.nonfinite import first_nonfinite_gradient, first_nonfinite_weight, nonfinite_outputs
from parcnet.training.loop.step import Stepper


def find_origin(stepper: Stepper, batch: Sequence[Batch], step: int) -> str:
    """One sentence that names the first thing that is not finite, the same on every rank. Weights stay as they are.

    Call it on all ranks, for step number `step` (from 0), which must not have changed the weights.
    """
    return _first_of(_own(stepper, batch, step), stepper.group)


def _own(stepper: Stepper, batch: Sequence[Batch], step: int) -> str:
    if name := first_nonfinite_weight(stepper.network):
        return f"The weights themselves are not finite, {name} first."
    for images, targets in batch:
        number = next((index for index, image in enumerate(images) if not bool(torch.isfinite(image).all())), None)
        if number is not None:
            return f"The images are not finite: number {number} of the batch, before the network."
        # a compiled network would not call the hooks
        with torch.no_grad(), torch.compiler.set_stance("force_eager"), nonfinite_outputs(stepper.network) as found:
            loss = stepper.forward(map_tensors(torch.clone, images), targets, step)
        if found:
            return f"The first layer whose output is not finite is {found[0]}."
        if not bool(torch.isfinite(loss)):
            return "Every layer's output is finite; the loss itself is not."
    if name := first_nonfinite_gradient(stepper.network):
        return f"Every output is finite; in the backward pass, the gradient of {name} is the first that is not."
    return ""


def _first_of(own: str, group: ProcessGroup) -> str:
    """What the first rank that found anything found."""
    if group.store is None:
        return own
    group.store.set(f"origin/{group.rank}", own)
    group.barrier()
    found = [(rank, group.store.get(f"origin/{rank}").decode()) for rank in range(group.world)]
    return next((f"{text} (rank {rank})" for rank, text in found if text), "")
