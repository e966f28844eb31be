"""Tensors in lists, tuples and dicts: a batch is one tensor for some tasks, and images of many sizes for others."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


def mapped(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """`value` with every tensor in it changed; lists, tuples and dicts stay what they are, all else stays the same."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: mapped(change, each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(mapped(change, each) for each in value)
    return value


def tensors(value: Any) -> Iterator[Tensor]:
    """Every tensor in `value`, in its order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from tensors(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tensors(each)


def moved(value: Any, device: torch.device) -> Any:
    """`value` on the device; batches of images [B, C, H, W] in channels_last memory."""

    def move(tensor: Tensor) -> Tensor:
        if tensor.ndim == 4:
            return tensor.to(device, memory_format=torch.channels_last, non_blocking=True)
        return tensor.to(device, non_blocking=True)

    return mapped(move, value)
