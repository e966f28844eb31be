"""The origin of NaN and infinity: the first non-finite weight, image, layer output or gradient of a replayed step."""

import math
from collections.abc import Callable, Iterator, Sequence
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
    return first_of_ranks(_find_own(stepper, batch, step), stepper.group)


def replayed_loss(stepper: Stepper, batch: Sequence[Batch], step: int) -> float:
    """The loss of a step over all ranks. Updates BatchNorm's statistics."""
    with torch.no_grad():
        losses = [stepper.forward(map_tensors(torch.clone, images), targets, step) for images, targets in batch]
    return float(stepper.group.total(torch.stack(losses).mean())) / stepper.group.world


def _find_own(stepper: Stepper, batch: Sequence[Batch], step: int) -> str:
    if name := first_nonfinite_weight(stepper.network):
        return weights_are_not_finite(name)
    for images, targets in batch:

        def forward(images: Any = images, targets: Any = targets) -> Tensor:
            return stepper.forward(map_tensors(torch.clone, images), targets, step)

        origin, loss = observe_forward(stepper.network, images, forward)
        if origin:
            return origin
        if not bool(torch.isfinite(loss)):
            return "Every layer's output is finite; the loss itself is not."
    if all(each.grad is None for each in stepper.network.parameters()):  # after resume
        for images, targets in batch:
            stepper.forward(map_tensors(torch.clone, images), targets, step).backward()
    if name := first_nonfinite_gradient(stepper.network):
        return f"Every output is finite; in the backward pass, the gradient of {name} is the first that is not."
    return ""


def observe_forward(network: nn.Module, images: Any, forward: Callable[[], Any]) -> tuple[str, Any]:
    """(a sentence that names the first non-finite image or layer output; the result of `forward` on these images).

    The sentence is empty if all are finite. `forward` is not run on non-finite images.
    """
    number = next((index for index, image in enumerate(images) if not all_finite(image)), None)
    if number is not None:
        return f"The images are not finite: number {number} of the batch, before the network.", None
    # a compiled network does not call hooks
    with torch.no_grad(), torch.compiler.set_stance("force_eager"), nonfinite_outputs(network) as found:
        result = forward()
    return f"The first layer whose output is not finite is {found[0]}." if found else "", result


def first_of_ranks(own: str, group: ProcessGroup) -> str:
    """The finding of the first rank that has one; to be called on all ranks."""
    if group.store is None:
        return own
    group.store.set(f"origin/{group.rank}", own)
    group.barrier()
    found = [(rank, group.store.get(f"origin/{rank}").decode()) for rank in range(group.world)]
    return next((f"{text} (rank {rank})" for rank, text in found if text), "")


def weights_are_not_finite(name: str) -> str:
    """The sentence about a weight of this name."""
    return f"The weights themselves are not finite, {name} first."


def first_nonfinite_weight(network: nn.Module) -> str | None:
    """Name of the first parameter or saved buffer with NaN or infinity."""
    return next((name for name, value in network.state_dict().items() if not all_finite(value)), None)


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
            if not all_finite(output):
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


def all_finite(value: Any) -> bool:
    """Whether no tensor in `value` holds NaN or infinity."""
    return all(_finite(each) for each in iterate_tensors(value))


def nonfinite_value(value: Any) -> float:
    """NaN if a tensor in `value` holds NaN; else infinity if one does; else 0."""
    if all_finite(value):
        return 0.0
    return math.nan if any(bool(each.isnan().any()) for each in iterate_tensors(value)) else math.inf


def _finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())
