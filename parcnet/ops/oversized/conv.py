"""Oversized convolution as two depthwise convolutions of torch."""

import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops.layout import is_channels_last, laid_out
from parcnet.ops.oversized.problem import Algorithm, never


def oversized_conv2d_conv(x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> Tensor:
    """A depthwise Lx1, then a depthwise 1xL convolution, zero padding L//2: B C H W (L_h + L_w) multiply-adds.

    Every runtime and TorchScript support its operators.
    """
    y = depthwise(convolution_format(x), kernel_h[:, None, :, None])
    z = depthwise(y, kernel_w[:, None, None, :])
    return laid_out(z, is_channels_last(x))


def convolution_format(x: Tensor) -> Tensor:
    """`x` in the memory format in which depthwise convolutions are fast: channels_last on a CPU, unchanged elsewhere.

    On a CPU, contiguous maps take ten times as long at these kernel lengths, and conversion costs far less. bfloat16
    maps of up to 16 channels are made contiguous: in channels_last memory a 1x63 or longer kernel hangs (torch 2.15
    with oneDNN 3.13).
    """
    if not x.is_cpu:
        return x
    return laid_out(x, x.dtype != torch.bfloat16 or x.shape[1] > 16)


def depthwise(x: Tensor, kernel: Tensor) -> Tensor:
    """Depthwise convolution of x [B, C, H, W] with an odd kernel [C, 1, L_h, L_w], zero-padded to the size of `x`.

    A map of one channel is duplicated: torch would treat it as a dense convolution, whose CPU backward for the kernel
    overruns its buffers with padding this large (torch 2.15 with oneDNN, from 3x1x10x1 on: wrong gradients or a crash).
    """
    padding = [kernel.shape[2] // 2, kernel.shape[3] // 2]
    if x.shape[1] == 1:
        pair = F.conv2d(x.expand(-1, 2, -1, -1), kernel.expand(2, -1, -1, -1), padding=padding, groups=2)
        return pair[:, :1]
    return F.conv2d(x, kernel, padding=padding, groups=x.shape[1])


CONV = Algorithm("conv", oversized_conv2d_conv, never)
