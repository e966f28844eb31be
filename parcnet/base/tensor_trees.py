"""Trees of tensors: lists, tuples and dicts. A batch is one tensor, or a list of images of different sizes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


def map_tensors(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """Applies `function` to every tensor in `value`, keeping lists, tuples and dicts; other leaves are unchanged."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, Mapping):
        return {key: map_tensors(function, each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(map_tensors(function, each) for each in value)
    return value


def iterate_tensors(value: Any) -> Iterator[Tensor]:
    """Every tensor in `value`, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from iterate_tensors(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from iterate_tensors(each)


def to_device(value: Any, device: torch.device) -> Any:
    """`value` on `device`; 4-dimensional tensors [B, C, H, W] in channels_last memory."""

    def move(tensor: Tensor) -> Tensor:
        if tensor.ndim == 4:
            return tensor.to(device, memory_format=torch.channels_last, non_blocking=True)
        return tensor.to(device, non_blocking=True)

    return map_tensors(move, value)
