"""Borrow a network, look inside it, and give it back unchanged, also when something raises."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn

from parcnet.base import UserError

DTYPES: dict[str, torch.dtype | None] = {"fp32": None, "bf16": torch.bfloat16}
"""Names of the precisions -> dtype of autocast, None for off."""


@contextmanager
def borrowed(model: nn.Module, device: torch.device | None = None, dtype: str = "fp32") -> Iterator[nn.Module]:
    """Lends `model` in eval mode on `device` (None: where it is), its parameters frozen and without gradients.

    Gradients of maps and images are recorded inside the block, whatever holds around it. Put back afterwards, also on
    exceptions: the mode of every module, `requires_grad` and `.grad` of every parameter, and the very tensors that
    parameters and buffers held, hence device, dtype, values and memory format. Hooks are the business of `captured`.
    """
    if dtype not in DTYPES:
        raise UserError(f"dtype is {dtype!r}; expected one of {', '.join(DTYPES)}.")
    modes = {module: module.training for module in model.modules()}
    held = [(parameter, parameter.data, parameter.grad, parameter.requires_grad) for parameter in model.parameters()]
    named = [(module, dict(module._parameters), dict(module._buffers)) for module in model.modules()]
    values = [(buffer, buffer.clone()) for buffer in model.buffers()]
    place = device or next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    try:
        model.eval()
        for parameter, *_ in held:
            parameter.grad = None  # before the move, which would move it too
            parameter.requires_grad_(False)
        model.to(place)
        precision = DTYPES[dtype]
        cast = nullcontext() if precision is None else torch.autocast(place.type, precision)
        with torch.inference_mode(False), torch.enable_grad(), cast:
            yield model
    finally:
        for module, mode in modes.items():
            module.training = mode
        for parameter, data, grad, required in held:
            parameter.data = data
            parameter.grad = grad
            parameter.requires_grad_(required)
        for module, parameters, buffers in named:  # new objects, where a device cannot take over the old ones
            module._parameters.update(parameters)
            module._buffers.update(buffers)
        with torch.no_grad():
            for buffer, value in values:
                if not torch.equal(buffer, value):  # a network that counts its calls in eval mode
                    buffer.copy_(value)


class Captured:
    """What a module answered in its last call."""

    output: Tensor | None = None


@contextmanager
def captured(module: nn.Module, *, leaf: bool = False) -> Iterator[Captured]:
    """Keeps what `module` answers while the block runs; the hook is taken off afterwards, also on exceptions.

    With `leaf` the answer becomes a leaf of the graph that requires a gradient, so that nothing before it is recorded;
    what follows gets a copy, so that operations in place leave it alone.
    """
    kept = Captured()

    def keep(_: nn.Module, __: object, output: object) -> Tensor | None:
        if not isinstance(output, Tensor):
            return None
        kept.output = output.detach().requires_grad_() if leaf else output
        return kept.output.clone()

    handle = module.register_forward_hook(keep)
    try:
        yield kept
    finally:
        handle.remove()
