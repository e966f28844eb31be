"""Memory formats: an operator returns the memory format of its input, and pays for its own conversions."""

import torch
from torch import Tensor


def is_channels_last(x: Tensor) -> bool:
    """Whether the channels of each pixel of `x` [B, C, H, W] are adjacent in memory, also in a slice of the channels.

    The rule: the channels have stride 1 and `x` is not contiguous. A tensor that satisfies both memory formats (one
    channel, one pixel, or no element) counts as contiguous.
    """
    return x.stride(1) == 1 and not x.is_contiguous()


def laid_out(x: Tensor, channels_last: bool) -> Tensor:
    """`x` in channels_last or contiguous memory: `x` itself where it already is, else a copy.

    Under torch.func, whose vmap does not support channels_last, `x` itself.
    """
    if not channels_last:
        return x.contiguous()
    if not torch.jit.is_scripting():  # noqa: SIM102 - TorchScript must not compile the inner condition
        if not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active():
            return x
    return x.contiguous(memory_format=torch.channels_last)


def empty_map(x: Tensor) -> Tensor:
    """A dense, uninitialised tensor with the shape, dtype and device of `x`, in channels_last memory where `x` is."""
    memory_format = torch.channels_last if is_channels_last(x) else torch.contiguous_format
    return torch.empty_like(x, memory_format=memory_format)


def to_planes(x: Tensor) -> Tensor:
    """[B, C, H, W] in any memory format -> contiguous [C, H, B, W]: the images of a batch share one matrix product.

    One image in channels_last memory is a matrix [HW, C], which is transposed tile by tile; the general copy is up to
    twice as slow. One contiguous image is not copied.
    """
    batch, channels, height, width = x.shape
    if batch == 1 and is_channels_last(x):
        pixels = x.permute(0, 2, 3, 1).reshape(height * width, channels)
        return pixels.t().contiguous().view(channels, height, 1, width)
    return x.permute(1, 2, 0, 3).contiguous()


def from_planes(planes: Tensor, channels_last: bool) -> Tensor:
    """[C, H, B, W] -> [B, C, H, W] in channels_last or contiguous memory; the inverse of `to_planes`."""
    channels, height, batch, width = planes.shape
    if batch == 1 and channels_last:
        pixels = planes.reshape(channels, height * width).t().contiguous()
        return pixels.view(1, height, width, channels).permute(0, 3, 1, 2)
    return laid_out(planes.permute(2, 0, 1, 3), channels_last)


def copy_planes(planes: Tensor, out: Tensor) -> None:
    """`from_planes` written into `out` [B, C, H, W], in any memory format."""
    channels, height, batch, width = planes.shape
    if batch == 1 and is_channels_last(out):
        out.permute(0, 2, 3, 1).view(height * width, channels).copy_(planes.reshape(channels, height * width).t())
    else:
        out.copy_(planes.permute(2, 0, 1, 3))
