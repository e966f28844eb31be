"""The origin of NaN and infinity: the first non-finite weight, image, layer output or gradient of a replayed step."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from parcnet.base import iterate_tensors, map_tensors
from parcnet.tasks.task import Batch
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.step import Stepper


class NonFinite(ArithmeticError):
    """Loss or gradient was NaN or infinite in too many consecutive steps."""

    def __init__(self, value: float, step: int | None, what: str = "loss", origin: str = "") -> None:
        self.value = value
        self.step = step
        """Number of the first such step, from 1; None for the validation loss."""
        self.what = what
        self.origin = origin
        """A sentence about its origin; empty if unknown."""
        where = "validation" if step is None else f"step {step}"
        super().__init__(f"the {what} is {value} at {where}")


def find_origin(stepper: Stepper, batch: Sequence[Batch], step: int) -> str:
    """A sentence that names the first non-finite weight, image, output or gradient; the same on every rank.

    To be called on all ranks for step number `step` (from 0), which must not have changed the weights. Does not change
    them either.
    """
    return _first_of(_find_own(stepper, batch, step), stepper.group)


def _find_own(stepper: Stepper, batch: Sequence[Batch], step: int) -> str:
    if name := first_nonfinite_weight(stepper.network):
        return f"The weights themselves are not finite, {name} first."
    for images, targets in batch:
        number = next((index for index, image in enumerate(images) if not bool(torch.isfinite(image).all())), None)
        if number is not None:
            return f"The images are not finite: number {number} of the batch, before the network."
        # a compiled network does not call hooks
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
    """The finding of the first rank that has one."""
    if group.store is None:
        return own
    group.store.set(f"origin/{group.rank}", own)
    group.barrier()
    found = [(rank, group.store.get(f"origin/{rank}").decode()) for rank in range(group.world)]
    return next((f"{text} (rank {rank})" for rank, text in found if text), "")


def first_nonfinite_weight(network: nn.Module) -> str | None:
    """Name of the first parameter or buffer with NaN or infinity."""
    named = [*network.named_parameters(), *network.named_buffers()]
    return next((name for name, value in named if not _finite(value)), None)


def first_nonfinite_gradient(network: nn.Module) -> str | None:
    """Name of the last parameter, i.e. the first in the backward pass, whose gradient is not finite."""
    return next(
        (
            name
            for name, each in reversed([*network.named_parameters()])
            if each.grad is not None and not _finite(each.grad)
        ),
        None,
    )


@contextmanager
def nonfinite_outputs(network: nn.Module) -> Iterator[list[str]]:
    """While the block runs, collects the layers whose output is not finite, in order of execution.

    Observes the innermost modules and the whole network, as `the network's output`. The hooks are removed afterwards,
    also on exceptions.
    """
    found: list[str] = []

    def hook(name: str) -> Any:
        def record(module: nn.Module, _: Any, output: Any) -> None:
            if any(not _finite(each) for each in iterate_tensors(output)):
                found.append(f"{name} ({type(module).__name__})" if name else "the network's output")

        return record

    handles = [
        module.register_forward_hook(hook(name))
        for name, module in network.named_modules()
        if not name or not next(module.children(), None)
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())
