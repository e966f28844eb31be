"""Masking of the padding in batches of images of different sizes."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.layers import MapSized


class PaddingMask:
    """Zeroes the padding of each image in a batch before every spatial convolution of a network.

    Images are padded with zeros to the largest sides of the batch. Norms and biases make padding nonzero, and kernels
    as long as the map carry it into the images. Under `kernel_fit="fixed"`, masking makes the maps equal to those of
    each image alone (if its sides are multiples of 32 px), since convolutions pad with zeros too. Under "interpolate"
    a difference remains, because kernels are as long as the maps of the batch.

    Networks with attention are refused, since only convolutions are masked.
    """

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] | None = None
        """(H, W) of each image of the batch in px; None: no masking."""
        self.padded = (0, 0)
        """(H, W) of the batch in px."""

    def attach(self, network: nn.Module, name: str) -> None:
        """Registers hooks that mask the input of every spatial convolution. Raises `UserError` for attention."""
        if any("attention" in type(each).__name__.lower() for each in network.modules()):
            raise UserError(
                f"{name} has attention, whose padding is not masked: leave mask_padding out and group images by aspect "
                "ratio."
            )
        for module in network.modules():
            if isinstance(module, MapSized) or (isinstance(module, nn.Conv2d) and max(module.kernel_size) > 1):
                module.register_forward_pre_hook(self._masked)
            if getattr(module, "fused", False):
                raise UserError(f"{name} uses the fused kernel, which cannot mask padding: use algorithm auto.")

    def set(self, sizes: Sequence[tuple[int, int]], padded: tuple[int, int]) -> None:
        """Sets the sizes of the next batch; nothing is masked if all images have the size of the batch."""
        smaller = any(tuple(size) != tuple(padded) for size in sizes)
        self.sizes, self.padded = ([(height, width) for height, width in sizes] if smaller else None), padded

    def _masked(self, _: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if self.sizes is None:
            return None
        x, *rest = inputs
        return (x * valid(x, self.sizes, self.padded), *rest)


def valid(x: Tensor, sizes: Sequence[tuple[int, int]], padded: tuple[int, int]) -> Tensor:
    """[B, 1, h, w]: 1 where a map [B, C, h, w] of a batch of size `padded` lies within its image of `sizes`, else 0."""
    height, width = x.shape[-2:]
    rows = torch.tensor([math.ceil(size[0] * height / padded[0]) for size in sizes], device=x.device)
    columns = torch.tensor([math.ceil(size[1] * width / padded[1]) for size in sizes], device=x.device)
    inside_h = torch.arange(height, device=x.device) < rows[:, None]
    inside_w = torch.arange(width, device=x.device) < columns[:, None]
    return (inside_h[:, None, :, None] & inside_w[:, None, None, :]).to(x.dtype)
