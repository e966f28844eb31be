"""What the modules of a network see and give while it looks at one image."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(slots=True)
class Seen:
    """The calls of one module: the shapes of its first argument and of its output; None for what is no tensor."""

    calls: list[tuple[torch.Size | None, torch.Size | None]] = field(default_factory=list)

    @property
    def unchanged_map(self) -> tuple[int, ...] | None:
        """The shape, where the module was called once and keeps it."""
        if len(self.calls) != 1:
            return None
        given, made = self.calls[0]
        return tuple(given) if given is not None and given == made else None


def observe(model: nn.Module, names: Iterable[str], image: tuple[int, int, int]) -> dict[str, Seen]:
    """What each named module sees when `model`, in eval mode, looks at a black image (channels, height, width)."""
    found = {name: Seen() for name in names}
    reference = next(model.parameters())
    modes = {module: module.training for module in model.modules()}
    with ExitStack() as stack:
        for name, seen in found.items():
            stack.enter_context(_hooked(model.get_submodule(name), seen))
        try:
            with torch.no_grad():
                model.eval()(torch.zeros(1, *image, device=reference.device, dtype=reference.dtype))
        finally:
            for module, training in modes.items():
                module.training = training
    return found


def _hooked(module: nn.Module, seen: Seen) -> Any:
    return module.register_forward_hook(partial(_note, seen))


def _note(seen: Seen, _: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
    seen.calls.append((_shape(arguments[0] if arguments else None), _shape(output)))


def _shape(value: Any) -> torch.Size | None:
    return value.shape if isinstance(value, Tensor) else None
