"""Oversized convolution as two depthwise convolutions of the framework."""

from torch import Tensor
from torch.nn import functional as F

from parcnet.ops.oversized.problem import Algorithm, never


def oversized_conv2d_conv(x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> Tensor:
    """A depthwise Lx1, then a depthwise 1xL convolution, zero padding L//2: B C H W (L_h + L_w) multiply-adds.

    Fast on CPUs when `x` lies in channels_last memory. Every runtime and TorchScript know its operators.

    A map of one channel is computed beside a copy of itself: to the framework it would be a dense convolution, whose
    CPU backward for the kernel overruns its buffers when the padding is this large (seen with torch 2.15 and oneDNN,
    from 3x1x10x1 on: wrong gradients or a crash).
    """
    single = x.shape[1] == 1
    if single:
        x, kernel_h, kernel_w = x.expand(-1, 2, -1, -1), kernel_h.expand(2, -1), kernel_w.expand(2, -1)
    channels = x.shape[1]
    y = F.conv2d(x, kernel_h[:, None, :, None], padding=[kernel_h.shape[1] // 2, 0], groups=channels)
    z = F.conv2d(y, kernel_w[:, None, None, :], padding=[0, kernel_w.shape[1] // 2], groups=channels)
    return z[:, :1] if single else z


CONV = Algorithm("conv", oversized_conv2d_conv, never)
