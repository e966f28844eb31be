"""Why a step had no finite loss or gradient: the same step again, its layers watched, on every rank."""

from collections.abc import Sequence

import torch

from parcnet.base import map_tensors
from parcnet.training.distributed.process_group import Ranks
from parcnet.training.loop.nonfinite import first_nonfinite_gradient, first_nonfinite_weight, watched_outputs
from parcnet.training.loop.step import Batch, Stepper


def find_origin(stepper: Stepper, batch: Sequence[Batch], step: int) -> str:
    """One sentence that names the first thing that is not finite, the same on every rank. Weights stay as they are.

    To be called by all ranks, for step number `step` (from 0), which must not have changed the weights.
    """
    return _first_of(_own(stepper, batch, step), stepper.ranks)


def _own(stepper: Stepper, batch: Sequence[Batch], step: int) -> str:
    if name := first_nonfinite_weight(stepper.network):
        return f"The weights themselves are not finite, {name} first."
    for images, targets in batch:
        place = next((place for place, image in enumerate(images) if not bool(torch.isfinite(image).all())), None)
        if place is not None:
            return f"The images are not finite: number {place} of the batch, before it meets the network."
        # a compiled network would not call the hooks
        with torch.no_grad(), torch.compiler.set_stance("force_eager"), watched_outputs(stepper.network) as found:
            loss = stepper.forward(map_tensors(torch.clone, images), targets, step)
        if found:
            return f"The first layer whose output is not finite is {found[0]}."
        if not bool(torch.isfinite(loss)):
            return "Every layer's output is finite; the loss itself is not."
    if name := first_nonfinite_gradient(stepper.network):
        return f"Every output is finite; going backwards, the gradient of {name} is the first that is not."
    return ""


def _first_of(own: str, ranks: Ranks) -> str:
    """What the first rank that found anything found."""
    if ranks.store is None:
        return own
    ranks.store.set(f"origin/{ranks.rank}", own)
    ranks.wait()
    found = [(rank, ranks.store.get(f"origin/{rank}").decode()) for rank in range(ranks.world)]
    return next((f"{text} (rank {rank})" for rank, text in found if text), "")
