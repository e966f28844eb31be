"""The operator: checks the input, chooses an algorithm and runs it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from parcnet.ops.oversized.algorithm_selection import fastest
from parcnet.ops.oversized.algorithms import ALGORITHMS
from parcnet.ops.oversized.checks import check
from parcnet.ops.oversized.problem import Algorithm, Problem


def oversized_conv2d(x: Tensor, kernel_h: Tensor, kernel_w: Tensor, *, algorithm: str = "auto") -> Tensor:
    """Oversized convolution: depthwise, global along both axes, zero-padded (ICCV 2023, Eqs. 1 and 2).

        y[c,i,j] = sum_p kernel_h[c, p-i+H-1] x[c,p,j]      z[c,i,j] = sum_q kernel_w[c, q-j+W-1] y[c,i,q]

    Shapes: x [B, C, H, W], kernel_h [C, 2H-1], kernel_w [C, 2W-1] -> [B, C, H, W]; the memory format of x is kept.
    A shorter odd kernel is one whose outer taps are zero. `fit_kernel` resizes kernels of other lengths.

    algorithm   "auto" (the fastest by a measured table; `explain_choice` says why), or a name in `ALGORITHMS`; all
                agree to rounding, in values and in every gradient. A named algorithm that does not support the problem
                raises an error with the reason; it is never silently replaced.

    Under torch.autocast, inputs and output have its dtype, except float64.

    Raises ValueError naming the value for wrong shapes, empty maps, even or too long kernels, mixed dtypes or devices,
    an unknown algorithm, or one that refuses.
    """
    if not x.is_meta and torch.is_autocast_enabled(x.device.type):  # autocast raises on the meta device
        x, kernel_h, kernel_w = autocasted(x), autocasted(kernel_h), autocasted(kernel_w)
    check(x, kernel_h, kernel_w)
    return choose(Problem.of(x, kernel_h, kernel_w), algorithm).run(x, kernel_h, kernel_w)


def choose(problem: Problem, algorithm: str = "auto") -> Algorithm:
    """The algorithm for `problem`: the named one or, for "auto", the fastest supported one by the tuned table."""
    return ALGORITHMS[fastest(problem)] if algorithm == "auto" else named(algorithm, problem, ALGORITHMS)


def named(algorithm: str, problem: Problem, algorithms: Mapping[str, Algorithm]) -> Algorithm:
    """The algorithm of that name. Raises ValueError if there is none, or with the reason if it refuses."""
    if algorithm not in algorithms:
        raise ValueError(f"unknown algorithm {algorithm!r}: expected 'auto' or one of {', '.join(algorithms)}")
    chosen = algorithms[algorithm]
    reason = chosen.refuses(problem)
    if reason is not None:
        others = [name for name, other in algorithms.items() if other.refuses(problem) is None]
        raise ValueError(f"algorithm {algorithm!r} refuses this map: {reason}. Use one of: auto, {', '.join(others)}")
    return chosen


def autocasted(x: Tensor) -> Tensor:
    """`x` in the dtype of torch.autocast on its device; float64 stays."""
    return x if x.dtype == torch.float64 else x.to(torch.get_autocast_dtype(x.device.type))
