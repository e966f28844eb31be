"""Memory layouts: an algorithm answers in the layout it was asked in, and pays for its own conversions."""

import torch
from torch import Tensor


def is_channels_last(x: Tensor) -> bool:
    """Whether the channels of one pixel of `x` [B, C, H, W] lie side by side, also in a slice of more channels.

    Maps that are both (one channel, or one pixel) count as contiguous.
    """
    return x.stride(1) == 1 and not x.is_contiguous()


def laid_out(x: Tensor, channels_last: bool) -> Tensor:
    """`x` itself when it lies that way, else a copy that does.

    Under torch.func, whose vmap knows no channels_last, `x` itself.
    """
    if not channels_last:
        return x.contiguous()
    if not torch.jit.is_scripting():  # noqa: SIM102 - scripting must not read what follows
        if not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active():
            return x
    return x.contiguous(memory_format=torch.channels_last)


def to_planes(x: Tensor) -> Tensor:
    """[B, C, H, W] in any layout -> [C, H, B, W], contiguous: a batch of images shares the rows of one matrix product.

    One image in channels_last memory is a matrix [HW, C], whose transposition copies tile by tile; the general copy
    is up to twice as slow. One contiguous image is not copied.
    """
    batch, channels, height, width = x.shape
    if batch == 1 and is_channels_last(x):
        pixels = x.permute(0, 2, 3, 1).reshape(height * width, channels)
        return pixels.t().contiguous().view(channels, height, 1, width)
    return x.permute(1, 2, 0, 3).contiguous()


def from_planes(planes: Tensor, channels_last: bool) -> Tensor:
    """[C, H, B, W] -> [B, C, H, W] in the layout named; the inverse of `to_planes`."""
    channels, height, batch, width = planes.shape
    if batch == 1 and channels_last:
        pixels = planes.reshape(channels, height * width).t().contiguous()
        return pixels.view(1, height, width, channels).permute(0, 3, 1, 2)
    return laid_out(planes.permute(2, 0, 1, 3), channels_last)


def copy_planes(planes: Tensor, out: Tensor) -> None:
    """`from_planes` into `out` [B, C, H, W], which lies as it likes."""
    channels, height, batch, width = planes.shape
    if batch == 1 and is_channels_last(out):
        out.permute(0, 2, 3, 1).view(height * width, channels).copy_(planes.reshape(channels, height * width).t())
    else:
        out.copy_(planes.permute(2, 0, 1, 3))
