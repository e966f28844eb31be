"""Circular convolution as a depthwise convolution of the framework over the map, continued by itself."""

import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops.layout import is_channels_last, laid_out
from parcnet.ops.oversized.conv import computed_in
from parcnet.ops.oversized.problem import Algorithm, never


def circular_conv2d_conv(x: Tensor, kernel: Tensor, bias: Tensor | None, dim: int) -> Tensor:
    """A depthwise Kx1 or 1xK convolution of the map beside a copy of its first K-1 lines: B C H W K multiply-adds.

    Every runtime and TorchScript know its operators.
    """
    inside = computed_in(x)
    lines = kernel.shape[1]
    continued = torch.cat([inside, inside.narrow(dim, 0, lines - 1)], dim)
    shaped = kernel[:, None, :, None] if dim == 2 else kernel[:, None, None, :]
    y = F.conv2d(continued, shaped, bias, groups=x.shape[1])
    return laid_out(y, is_channels_last(x))


CONV = Algorithm("conv", circular_conv2d_conv, never)
