"""Blocks of images: on a CPU, the intermediate results of a few images at a time stay in cache."""

import torch
from torch import Tensor

BLOCK_ELEMENTS = 2**18
"""Elements of a map that a CPU processes at a time."""


def is_eager() -> bool:
    """Whether operations run eagerly: a compiler unrolls loops, a trace freezes them, and torch.func does not support
    writing into slices."""
    recorded = torch.compiler.is_compiling() or torch.jit.is_tracing()
    return not (recorded or torch._C._are_functorch_transforms_active())


def image_blocks(x: Tensor) -> list[slice]:
    """Slices of the batch of x [B, ...] to process in turn; a single one on a GPU and where not `is_eager`."""
    if not is_eager() or not x.is_cpu:
        return [slice(None)]
    images = max(1, BLOCK_ELEMENTS // max(1, x[:1].numel()))
    return [slice(first, first + images) for first in range(0, len(x), images)]
