"""Which tap connects which input to which output, found by impulses; and the kernels of trained networks."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.explain import oversized_kernels
from parcnet.layers import CircularConv1d, OversizedConv2d

Array = NDArray[np.floating]


def reach_of_oversized(length: int) -> Array:
    """[output, input] -> number, from 1, of the tap that connects them in an oversized kernel of 2 length - 1 taps."""
    layer = OversizedConv2d(1, (1, length), algorithm="conv")
    with torch.no_grad():
        layer.kernel_h.fill_(1.0)
        layer.kernel_w.copy_(torch.arange(1.0, 2 * length)[None])
    return _reach(layer, length)


def reach_of_circular(length: int) -> Array:
    """[output, input] -> number, from 1, of the tap that connects them in a circular kernel of `length` taps."""
    layer = CircularConv1d(1, length, "w", bias=False, algorithm="conv")
    with torch.no_grad():
        layer.kernel.copy_(torch.arange(1.0, length + 1)[None])
    return _reach(layer, length)


def taps_in_use(side: int, row: int, column: int) -> Array:
    """[2 side - 1, 2 side - 1], 1 for the taps that the output at (row, column) of a square map uses.

    From the gradients of that output with respect to the kernels, on a map of ones.
    """
    layer = OversizedConv2d(1, side, algorithm="conv")
    with torch.no_grad():
        layer.kernel_h.fill_(1.0)
        layer.kernel_w.fill_(1.0)
    seen = layer(torch.ones(1, 1, side, side))[0, 0, row, column]
    vertical, horizontal = (grad[0] != 0 for grad in torch.autograd.grad(seen, (layer.kernel_h, layer.kernel_w)))
    return (vertical[:, None] & horizontal[None, :]).float().numpy()


def trained_kernels(model: nn.Module, source: str, channels: int) -> tuple[Array, Array]:
    """The vertical [channels, 2H-1] and horizontal [channels, 2W-1] kernels of the last block of the third stage.

    The channels are drawn at random from a fixed seed, as the paper draws its own. Raises `UserError` for a network
    without oversized kernels there, naming `source`.
    """
    try:
        found = oversized_kernels(model, channels=channels)
    except UserError as error:
        raise UserError(f"{source} holds a {type(model).__name__}: {error}") from error
    return found.vertical, found.horizontal


@torch.no_grad()
def _reach(layer: nn.Module, length: int) -> Array:
    impulses: Tensor = torch.eye(length)[:, None, None, :]  # one image for each input position
    return layer(impulses)[:, 0, 0, :].T.numpy()
