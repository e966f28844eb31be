"""The shapes of the inputs and outputs of a network's modules, observed in one forward pass."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(slots=True)
class ObservedShapes:
    """The calls of one module: the shapes of its first argument and of its output; None where that is no tensor."""

    calls: list[tuple[torch.Size | None, torch.Size | None]] = field(default_factory=list)

    @property
    def unchanged_map(self) -> tuple[int, ...] | None:
        """The shape, if the module was called once and its output has the shape of its input."""
        if len(self.calls) != 1:
            return None
        before, after = self.calls[0]
        return tuple(before) if before is not None and before == after else None


def observe(model: nn.Module, names: Iterable[str], image: tuple[int, int, int]) -> dict[str, ObservedShapes]:
    """The shapes at each named module while `model`, in eval mode, runs on a zero image (channels, height, width)."""
    observed = {name: ObservedShapes() for name in names}
    reference = next(model.parameters())
    modes = {module: module.training for module in model.modules()}
    with ExitStack() as stack:
        for name, shapes in observed.items():
            hook = partial(_record, shapes)
            stack.enter_context(model.get_submodule(name).register_forward_hook(hook))
        try:
            with torch.no_grad():
                model.eval()(torch.zeros(1, *image, device=reference.device, dtype=reference.dtype))
        finally:
            for module, training in modes.items():
                module.training = training
    return observed


def _record(shapes: ObservedShapes, _: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
    shapes.calls.append((_shape(arguments[0] if arguments else None), _shape(output)))


def _shape(value: Any) -> torch.Size | None:
    return value.shape if isinstance(value, Tensor) else None
