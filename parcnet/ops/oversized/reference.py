"""Oversized convolution by its definition: slow on purpose, exact by construction."""

import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops.layout import is_channels_last, laid_out
from parcnet.ops.oversized.problem import Algorithm, Problem


def oversized_conv2d_reference(x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> Tensor:
    """Oversized convolution by its definition (ICCV 2023, Eqs. 1 and 2), in float64, rounded once to the dtype of `x`.

        y[c,i,j] = sum_s kernel_h[c, s+S] x[c,i+s,j]      z[c,i,j] = sum_t kernel_w[c, t+T] y[c,i,j+t]

    s runs over -S..S and t over -T..T, with S = H-1 and T = W-1 for the oversized lengths 2H-1 and 2W-1;
    x and y are zero outside the map.

    Shapes: x [B, C, H, W], kernel_h [C, 2S+1], kernel_w [C, 2T+1] -> [B, C, H, W].
    """
    y = _correlate_rows(x.double(), kernel_h.double())
    z = _correlate_rows(y.transpose(2, 3), kernel_w.double()).transpose(2, 3)
    return laid_out(z.to(x.dtype), is_channels_last(x))


def _correlate_rows(x: Tensor, kernel: Tensor) -> Tensor:
    """Eq. 1, one term per tap: kernel[s] times row i+s is added to every row i for which row i+s exists."""
    height, reach = x.shape[2], kernel.shape[1] // 2
    y = torch.zeros_like(x)
    for s in range(-reach, reach + 1):
        first, last = max(0, -s), min(height, height - s)
        term = kernel[:, s + reach, None, None] * x[:, :, first + s : last + s]
        y = y + F.pad(term, (0, 0, first, height - last))
    return y


def _refuses(problem: Problem) -> str | None:
    return "it computes in float64, which this device does not support" if problem.device == "mps" else None


REFERENCE = Algorithm("reference", oversized_conv2d_reference, _refuses)
