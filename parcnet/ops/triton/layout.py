"""Memory layout of the maps that the fused operator reads and writes."""

import torch
from torch import Tensor


def is_channels_last(x: Tensor) -> bool:
    """Whether the channels of a place lie side by side, as in channels_last tensors and their channel slices."""
    return x.shape[1] > 1 and x.stride(1) == 1


def empty_map(x: Tensor) -> Tensor:
    """A dense, uninitialised tensor of the shape, dtype and device of `x`, channels_last where `x` is."""
    layout = torch.channels_last if is_channels_last(x) else torch.contiguous_format
    return torch.empty_like(x, memory_format=layout)
