"""Images of several sizes in one batch: what lies beyond an image is kept out of its maps."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.layers import MapSized


class PaddingMask:
    """Zeroes, before every convolution of a network, what lies beyond each image of a batch.

    A batch is as large as its largest sides, the rest is zeros. Norms and biases turn these into values, which kernels
    as long as the map carry into the images. Under `kernel_fit="fixed"` the masked maps of a batch are those of each
    image alone (if its sides are multiples of 32 px): a convolution's own padding is zeros too. Under "interpolate"
    the kernels are as long as the batch's maps, so a difference remains.

    Convolutions are masked, so networks that mix by attention are refused.
    """

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] | None = None
        """(H, W) of each image of the batch in px, None for no masking; and of the batch itself:"""
        self.padded = (0, 0)

    def attach(self, network: nn.Module, name: str) -> None:
        """Lets every convolution of `network` be masked from now on. Raises `UserError` for attention."""
        if any("attention" in type(each).__name__.lower() for each in network.modules()):
            raise UserError(
                f"{name} mixes by attention, which sees padding that no mask of convolutions removes: leave "
                "mask_padding out and group images by aspect ratio."
            )
        for module in network.modules():
            if isinstance(module, MapSized) or (isinstance(module, nn.Conv2d) and max(module.kernel_size) > 1):
                module.register_forward_pre_hook(self._masked)
            if getattr(module, "fused", False):
                raise UserError(f"{name} mixes in one fused kernel, which masks nothing: algorithm auto does.")

    def set(self, sizes: Sequence[tuple[int, int]], padded: tuple[int, int]) -> None:
        """The sizes of the next batch; nothing is masked when no image is smaller than the batch."""
        smaller = any(tuple(size) != tuple(padded) for size in sizes)
        self.sizes, self.padded = ([(height, width) for height, width in sizes] if smaller else None), padded

    def _masked(self, _: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if self.sizes is None:
            return None
        x, *rest = inputs
        return (x * valid(x, self.sizes, self.padded), *rest)


def valid(x: Tensor, sizes: Sequence[tuple[int, int]], padded: tuple[int, int]) -> Tensor:
    """1 where a map [B, C, h, w] of a batch of (H, W) belongs to its image of `sizes`, else 0 -> [B, 1, h, w]."""
    height, width = x.shape[-2:]
    rows = torch.tensor([math.ceil(size[0] * height / padded[0]) for size in sizes], device=x.device)
    columns = torch.tensor([math.ceil(size[1] * width / padded[1]) for size in sizes], device=x.device)
    inside_h = torch.arange(height, device=x.device) < rows[:, None]
    inside_w = torch.arange(width, device=x.device) < columns[:, None]
    return (inside_h[:, None, :, None] & inside_w[:, None, None, :]).to(x.dtype)
