"""Circular convolution by its definition: slow on purpose, exact by construction."""

import torch
from torch import Tensor

from parcnet.ops.layout import is_channels_last, laid_out
from parcnet.ops.oversized.problem import Algorithm
from parcnet.ops.oversized.reference import REFERENCE as OVERSIZED_REFERENCE


def circular_conv2d_reference(x: Tensor, kernel: Tensor, bias: Tensor | None, dim: int) -> Tensor:
    """Circular convolution by its definition (arXiv 2203.03952, Eq. 1), in float64, rounded once to the dtype of `x`.

        y[c,i,j] = bias[c] + sum_k kernel[c,k] x[c, (i+k) mod H, j]      along the height, dim 2; likewise dim 3

    Shapes: x [B, C, H, W], kernel [C, K] with K the side along `dim`, bias [C] -> [B, C, H, W].
    """
    exact = x.double()
    y = torch.zeros_like(exact) if bias is None else bias.double()[:, None, None].expand_as(exact)
    for k in range(kernel.shape[1]):
        y = y + kernel[:, k, None, None].double() * exact.roll(-k, dim)
    return laid_out(y.to(x.dtype), is_channels_last(x))


REFERENCE = Algorithm("reference", circular_conv2d_reference, OVERSIZED_REFERENCE.refuses)
