"""Circular convolution as a depthwise convolution of the circularly padded map."""

import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops.layout import is_channels_last, laid_out
from parcnet.ops.oversized.conv import convolution_format
from parcnet.ops.oversized.problem import Algorithm, never


def circular_conv2d_conv(x: Tensor, kernel: Tensor, bias: Tensor | None, dim: int) -> Tensor:
    """A depthwise Kx1 or 1xK convolution of the map padded by its first K-1 lines: B C H W K multiply-adds.

    Every runtime and TorchScript support its operators.
    """
    converted = convolution_format(x)
    length = kernel.shape[1]
    padded = torch.cat([converted, converted.narrow(dim, 0, length - 1)], dim)
    weight = kernel[:, None, :, None] if dim == 2 else kernel[:, None, None, :]
    y = F.conv2d(padded, weight, bias, groups=x.shape[1])
    return laid_out(y, is_channels_last(x))


CONV = Algorithm("conv", circular_conv2d_conv, never)
