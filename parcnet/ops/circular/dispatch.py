"""The operator: checks the input, chooses an algorithm and runs it."""

import torch
from torch import Tensor

from parcnet.ops.circular.algorithms import CIRCULAR_ALGORITHMS
from parcnet.ops.oversized.checks import check_kernel, check_map
from parcnet.ops.oversized.dispatch import autocasted, named
from parcnet.ops.oversized.problem import Algorithm, Problem

AXES = {"h": 2, "w": 3}
"""The axes of a circular convolution and their dimensions in [B, C, H, W]."""


def circular_conv2d(
    x: Tensor,
    kernel: Tensor,
    *,
    axis: str,
    bias: Tensor | None = None,
    position: Tensor | None = None,
    algorithm: str = "auto",
) -> Tensor:
    """Position-aware circular convolution of ParCNetV1: depthwise, global along one axis (arXiv 2203.03952, Eq. 1).

        y[c,i,j] = bias[c] + sum_k kernel[c,k] (x + position)[c, (i+k) mod H, j]      axis "h"; "w" likewise, over j

    The map wraps around. Without a position embedding the operator is therefore equivariant to circular shifts; the
    embedding makes it position-aware.

    Shapes: x [B, C, H, W], kernel [C, K] and position [C, K] with K the side along `axis`, bias [C] -> [B, C, H, W];
    the memory format of x is kept. Kernels of another size are fitted by `fit_circular`.

    algorithm   "auto" (conv or, for long kernels, fft: see `choose_circular`), or a name in `CIRCULAR_ALGORITHMS`; all
                agree to rounding, in values and in every gradient. A named algorithm that does not support the problem
                raises an error with the reason; it is never silently replaced.

    Under torch.autocast, inputs and output have its dtype, except float64.

    Raises ValueError naming the value for wrong shapes, empty maps, kernels of another length, mixed dtypes or
    devices, an unknown axis or algorithm, or an algorithm that refuses.
    """
    if axis not in AXES:
        raise ValueError(f"axis is 'h' or 'w', got {axis!r}")
    if not x.is_meta and torch.is_autocast_enabled(x.device.type):
        x, kernel = autocasted(x), autocasted(kernel)
        bias = None if bias is None else autocasted(bias)
        position = None if position is None else autocasted(position)
    dim = AXES[axis]
    _check(x, kernel, bias, position, dim)
    other = kernel[:, :1]
    problem = Problem.of(x, kernel, other) if dim == 2 else Problem.of(x, other, kernel)
    if position is not None:
        x = x + (position[:, :, None] if dim == 2 else position[:, None, :])
    return choose_circular(problem, algorithm).run(x, kernel, bias, dim)


def choose_circular(problem: Problem, algorithm: str = "auto") -> Algorithm:
    """The algorithm for `problem`, whose taps are the kernel's along its axis and 1 along the other.

    "auto" is conv up to a certain length and fft beyond it; conv also where a size is symbolic or fft refuses.
    """
    if algorithm != "auto":
        return named(algorithm, problem, CIRCULAR_ALGORITHMS)
    conv, fft = CIRCULAR_ALGORITHMS["conv"], CIRCULAR_ALGORITHMS["fft"]
    if problem.symbolic or fft.refuses(problem) is not None:
        return conv
    return fft if max(problem.taps_h, problem.taps_w) > _longest_conv(problem) else conv


def _longest_conv(problem: Problem) -> int:
    """Taps up to which conv is faster than fft (float32, maps of 14 to 320 px, torch 2.15 on two AMD Zen 5 cores).

    There, forward and backward by conv take 5 times as long as by fft for a 1x56 kernel, 40 times for 1x320, twice for
    320x1.
    """
    return 16 if problem.training and problem.taps_w > 1 and problem.device == "cpu" else 112


def _check(x: Tensor, kernel: Tensor, bias: Tensor | None, position: Tensor | None, dim: int) -> None:
    check_map(x)
    size = x.shape[dim]
    for name, given in (("kernel", kernel), ("position", position)):
        if given is None:
            continue
        check_kernel(name, given, x)
        if given.shape[1] != size:
            raise ValueError(
                f"{name} has {given.shape[1]} taps: expected {size}, the side of the map; "
                f"fit_circular({name}, {size}) resizes it"
            )
    if bias is not None and (bias.shape != x.shape[1:2] or bias.dtype != x.dtype or bias.device != x.device):
        raise ValueError(
            f"bias is [{x.shape[1]}] of {x.dtype} on {x.device} like x, got {list(bias.shape)} of {bias.dtype} on "
            f"{bias.device}"
        )
