"""Oversized convolution merged into one dense depthwise kernel (ICCV 2023, supplement, Sec. H)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops.layout import is_channels_last, laid_out
from parcnet.ops.oversized.conv import convolution_format, depthwise
from parcnet.ops.oversized.problem import Algorithm, Problem

COST_LIMIT = 2**35  # multiply-adds per call: about a second on two CPU cores


def oversized_conv2d_dense(x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> Tensor:
    """One depthwise convolution with the outer product of the kernels: B C H W L_h L_w multiply-adds."""
    return laid_out(depthwise(convolution_format(x), merge(kernel_h, kernel_w)[:, None]), is_channels_last(x))


def merge(kernel_h: Tensor, kernel_w: Tensor, local: Tensor | None = None) -> Tensor:
    """The dense kernel equivalent to the pair, plus `local`, a depthwise kernel in parallel.

        K[c,m,n] = kernel_h[c,m] kernel_w[c,n] + local[c, m-M, n-N]      the centres of all three coincide

    Exact with zero padding of half the kernel's size, because the horizontal pass reads only columns inside the map,
    all of which the vertical pass computes in full. A kernel smaller than `local` is padded with zeros to its size.

    Shapes: kernel_h [C, 2H-1], kernel_w [C, 2W-1], local [C, k, l] or [C, 1, k, l], all odd -> [C, 2H-1, 2W-1].
    """
    single = torch.promote_types(kernel_h.dtype, torch.float32)  # half precision is rounded once, at the end
    merged = kernel_h.to(single)[:, :, None] * kernel_w.to(single)[:, None, :]
    if local is not None:
        local = local.flatten(0, -3)
        if local.shape[0] != merged.shape[0] or local.shape[1] % 2 == 0 or local.shape[2] % 2 == 0:
            raise ValueError(
                f"local is [channels, odd, odd] with {merged.shape[0]} channels like the kernels, "
                f"got shape {tuple(local.shape)}"
            )
        height, width = (max(a, b) for a, b in zip(merged.shape[1:], local.shape[1:], strict=True))
        merged = _centred(merged, height, width) + _centred(local.to(single), height, width)
    return merged.to(kernel_h.dtype)


def _centred(kernel: Tensor, height: int, width: int) -> Tensor:
    """`kernel` [C, k, l] zero-padded on all sides to [C, height, width]."""
    above, beside = (height - kernel.shape[1]) // 2, (width - kernel.shape[2]) // 2
    return F.pad(kernel, [beside, beside, above, above])


def _refuses(problem: Problem) -> str | None:
    pixels = problem.batch * problem.channels * problem.height * problem.width
    cost = pixels * problem.taps_h * problem.taps_w
    if cost > COST_LIMIT:
        return f"it would take {cost:.1e} multiply-adds, more than {COST_LIMIT:.1e}"
    return None


DENSE = Algorithm("dense", oversized_conv2d_dense, _refuses)
