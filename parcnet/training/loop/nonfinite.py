"""Where NaN and infinity originate: the first layer, in order of execution, whose output is not finite."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from parcnet.base import iterate_tensors


class NonFinite(ArithmeticError):
    """Loss or gradient was NaN or infinite, in too many consecutive steps."""

    def __init__(self, value: float, step: int | None, what: str = "loss", origin: str = "") -> None:
        self.value = value
        self.step = step
        """Number of the first such step, from 1; None for the validation loss."""
        self.what = what
        self.origin = origin
        """Where it originates, in a sentence; empty if unknown."""
        where = "validation" if step is None else f"step {step}"
        super().__init__(f"the {what} is {value} at {where}")


def first_nonfinite_weight(network: nn.Module) -> str | None:
    """Name of the first parameter or buffer that holds NaN or infinity."""
    named = [*network.named_parameters(), *network.named_buffers()]
    return next((name for name, value in named if not _finite(value)), None)


def first_nonfinite_gradient(network: nn.Module) -> str | None:
    """Name of the last parameter (so the first in the order of the backward pass) with such a gradient."""
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
    """Collects, while the block runs, the layers whose output is not finite, in order of execution.

    Only innermost modules are observed, and the whole network as `the network's output`. The hooks are removed
    afterwards, also on exceptions.
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
