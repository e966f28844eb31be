"""Context managers that freeze a network and capture outputs of its layers, and restore it on exit."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.base.network_lock import network_lock

DTYPES: dict[str, torch.dtype | None] = {"fp32": None, "bf16": torch.bfloat16}
"""Precision -> dtype of autocast, None to disable it."""


@contextmanager
def borrowed(model: nn.Module, device: torch.device | None = None, dtype: str = "fp32") -> Iterator[nn.Module]:
    """Yields `model` in eval mode on `device` (None: its current one), with frozen parameters and no gradients.

    Gradients of features and images are recorded inside the block, also under `no_grad` or `inference_mode`. Restored
    on exit, also after exceptions: the mode of every module, `requires_grad` and `.grad` of every parameter, and the
    tensors of all parameters and buffers, hence device, dtype, values and memory format. `captured` handles hooks.
    Other threads that borrow the network wait for the block.
    """
    if dtype not in DTYPES:
        raise UserError(f"dtype is {dtype!r}; expected one of {', '.join(DTYPES)}.")
    with network_lock(model):
        modes = {module: module.training for module in model.modules()}
        held = [
            (parameter, parameter.data, parameter.grad, parameter.requires_grad) for parameter in model.parameters()
        ]
        named = [(module, dict(module._parameters), dict(module._buffers)) for module in model.modules()]
        values = [(buffer, buffer.clone()) for buffer in model.buffers()]
        target = device or next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
        try:
            model.eval()
            for parameter, *_ in held:
                parameter.grad = None  # before the move, which would also move it
                parameter.requires_grad_(False)
            model.to(target)
            precision = DTYPES[dtype]
            cast = nullcontext() if precision is None else torch.autocast(target.type, precision)
            with torch.inference_mode(False), torch.enable_grad(), cast:
                yield model
        finally:
            for module, mode in modes.items():
                module.training = mode
            for parameter, data, grad, required in held:
                parameter.data = data
                parameter.grad = grad
                parameter.requires_grad_(required)
            for module, parameters, buffers in named:  # some devices replace the parameter objects
                module._parameters.update(parameters)
                module._buffers.update(buffers)
            with torch.no_grad():
                for buffer, value in values:
                    if not torch.equal(buffer, value):  # e.g. a network that counts its calls in eval mode
                        buffer.copy_(value)


class Captured:
    """Output of a module in its last call."""

    output: Tensor | None = None


@contextmanager
def captured(module: nn.Module, *, leaf: bool = False) -> Iterator[Captured]:
    """Captures the output of `module` while the block runs; the hook is removed on exit, also after exceptions.

    With `leaf` the output becomes a leaf of the graph that requires a gradient, so that autograd records nothing before
    it. Later layers receive a copy, so that in-place operations do not change the captured output.
    """
    result = Captured()

    def keep(_: nn.Module, __: object, output: object) -> Tensor | None:
        if not isinstance(output, Tensor):
            return None
        result.output = output.detach().requires_grad_() if leaf else output
        return result.output.clone()

    handle = module.register_forward_hook(keep)
    try:
        yield result
    finally:
        handle.remove()
