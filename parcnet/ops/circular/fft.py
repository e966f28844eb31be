"""Circular convolution by fast Fourier transforms: O(log H) a pixel."""

import torch
from torch import Tensor

from parcnet.ops.layout import is_channels_last, laid_out
from parcnet.ops.oversized.fft import FFT as OVERSIZED_FFT
from parcnet.ops.oversized.fft import good_length, has_small_factors
from parcnet.ops.oversized.problem import Algorithm


def circular_conv2d_fft(x: Tensor, kernel: Tensor, bias: Tensor | None, dim: int) -> Tensor:
    """Transform, multiply by the conjugate spectrum of the kernel, transform back.

    The transform has the map's own length K where that has no prime factor above 7. Otherwise the map is padded
    circularly by its first K-1 lines: y[i] reads entries i .. i+K-1 <= 2K-2, so a transform of length 2K-1 or more
    does not alias.

    Half precision is transformed in float32 and rounded once, at the end. As in any Fourier transform, rounding errors
    scale with the largest elements, not with each element.
    """
    exact = torch.promote_types(x.dtype, torch.float32)
    length, period, padded = kernel.shape[1], kernel.shape[1], x.to(exact)
    if not has_small_factors(length):
        period = good_length(2 * length - 1)
        padded = torch.cat([padded, padded.narrow(dim, 0, length - 1)], dim)
    spectrum = torch.fft.rfft(kernel.to(exact), period).conj()
    spectrum = spectrum[:, :, None] if dim == 2 else spectrum[:, None, :]
    y = torch.fft.irfft(torch.fft.rfft(padded, period, dim) * spectrum, period, dim).narrow(dim, 0, length)
    if bias is not None:
        y = y + bias.to(exact)[:, None, None]
    return laid_out(y.to(x.dtype), is_channels_last(x))


FFT = Algorithm("fft", circular_conv2d_fft, OVERSIZED_FFT.refuses)
