"""Some images at a time: on a CPU, what lies between two operations then stays in its caches."""

import torch
from torch import Tensor

BLOCK_ELEMENTS = 2**18
"""Of a map that a CPU works on at a time."""


def is_eager() -> bool:
    """Whether operations run as they are written: a compiler unrolls loops, a trace freezes them, and lanes of
    torch.func cannot be written into one by one."""
    recorded = torch.compiler.is_compiling() or torch.jit.is_tracing()
    return not (recorded or torch._C._are_functorch_transforms_active())


def image_blocks(x: Tensor) -> list[slice]:
    """Slices of the images of x [B, ...] to take in turn: one of all where a loop would be in the way, as on a GPU."""
    if not is_eager() or not x.is_cpu:
        return [slice(None)]
    images = max(1, BLOCK_ELEMENTS // max(1, x[:1].numel()))
    return [slice(first, first + images) for first in range(0, len(x), images)]
