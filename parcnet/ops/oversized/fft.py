"""Oversized convolution by fast Fourier transforms: O(log H + log W) a pixel (arXiv v1, Sec. 3.1 and Fig. 5)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops import image_blocks
from parcnet.ops.oversized.problem import Algorithm, Problem
from parcnet.ops.oversized.separable import Passes, separable


def oversized_conv2d_fft(x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> Tensor:
    """Pad, transform, multiply, invert, along the height and then along the width.

    Half precision is transformed in float32 and rounded once, at the end. As in any Fourier transform, rounding errors
    scale with the largest elements, not with each element.

    Why a transform of length N = 2H-1 does not alias. With k' the reversed kernel of L = 2S+1 <= 2H-1 taps, Eq. 1 reads
    y[i] = (k' * x)[i+S], a linear convolution with entries 0 .. H+2S-1, of which S .. S+H-1 are kept. A circular
    convolution of length N adds to entry n the entries n+N, n+2N, ... and n-N, ...: for a kept n,
        n+N >= S+N       lies beyond the last entry H+2S-1 as soon as N >= H+S,
        n-N <= S+H-1-N   lies before entry 0           as soon as N >= H+S.
    Aliases therefore fall outside the kept outputs, and H+S is 2H-1 for the full kernel (S = H-1).
    The same N serves the kernel's gradient sum_i g[i] x[i+s], |s| <= S: lags of two maps of H reach from -(H-1) to
    H-1, and s+N > H-1, s-N < -(H-1) for N >= H+S.
    """
    exact = torch.promote_types(x.dtype, torch.float32)
    return separable(x.to(exact), kernel_h.to(exact), kernel_w.to(exact), _PASSES).to(x.dtype)


def good_length(least: int) -> int:
    """The smallest even 2^a 3^b 5^c 7^d that is at least `least`: real transforms of even length cost half."""
    length = least + least % 2
    while not has_small_factors(length):
        length += 2
    return length


def has_small_factors(number: int) -> bool:
    """Whether `number` is 2^a 3^b 5^c 7^d: libraries have fast transforms for such lengths."""
    for prime in (2, 3, 5, 7):
        while number % prime == 0:
            number //= prime
    return number == 1


def _prepare(kernel: Tensor, side: int) -> tuple[Tensor, int]:
    """The spectrum [C, N//2+1] of the reversed kernel, shifted so that output i is at index i; and N."""
    reach = kernel.shape[1] // 2
    length = _transform_length(side, reach)
    return torch.fft.rfft(F.pad(kernel.flip(1), [0, length - kernel.shape[1]]).roll(-reach, 1), length), length


def _correlate(planes: Tensor, prepared: tuple[Tensor, int], dim: int) -> Tensor:
    spectrum, length = prepared
    product = torch.fft.rfft(planes, length, dim) * _along(spectrum, dim)
    return torch.fft.irfft(product, length, dim).narrow(dim, 0, planes.shape[dim])


def _products(planes: Tensor, upstream: Tensor, taps: int, dim: int) -> Tensor:
    """Summed over images and lines in the Fourier domain: one inverse transform a channel."""
    length = _transform_length(planes.shape[dim], taps // 2)
    spectra = torch.fft.rfft(planes, length, dim) * torch.fft.rfft(upstream, length, dim).conj()
    return spectra.sum((2, 4 - dim))


def _lags(products: Tensor, taps: int, side: int) -> Tensor:
    reach = taps // 2
    length = _transform_length(side, reach)
    sums = torch.fft.irfft(products, length)  # lag s at s mod N
    return torch.cat([sums[:, length - reach :], sums[:, : reach + 1]], 1)


def _transform_length(side: int, reach: int) -> int:
    return good_length(side + reach)


def _along(spectrum: Tensor, dim: int) -> Tensor:
    return spectrum[:, :, None, None] if dim == 1 else spectrum[:, None, None, :]


def _channels(height: int, width: int, dtype: torch.dtype) -> int:  # noqa: ARG001 - the signature of `Passes`
    """Spectra take four to five times the memory of their maps; blocks of channels bound it for large maps."""
    return image_blocks.BLOCK_ELEMENTS // (height * width)


def _refuses(problem: Problem) -> str | None:  # noqa: ARG001 - the signature of `Algorithm.refuses`
    return "torch.jit.trace would freeze the length of its transforms" if torch.jit.is_tracing() else None


_PASSES = Passes(_prepare, _correlate, _products, _lags, _channels)
FFT = Algorithm("fft", oversized_conv2d_fft, _refuses)
