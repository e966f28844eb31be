"""Fitting a 1-D kernel, trained for one map length, to another (ICCV 2023, Sec. 3.1, "Adaptability")."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

KernelFit = Literal["interpolate", "fixed"]


def fit_kernel(kernel: Tensor, length: int, fit: str = "interpolate") -> Tensor:
    """Return `kernel` [C, L] as [C, length], both lengths odd; the centre tap keeps its place and its value.

    interpolate    linear, first tap to first and last to last (align_corners): the text of the paper. Tap values are
                   kept, so the kernel's sum grows with its length. Length 1 takes the centre tap.
    fixed          crops, or extends with zeros, about the centre tap: what the published detection and segmentation
                   numbers used. Equal to a convolution with the trained kernel and fixed padding.

    Raises ValueError for an even length, which has no centre tap, and for an unknown `fit`.
    """
    if kernel.dim() != 2:
        raise ValueError(f"a kernel is [channels, length], got a tensor with {kernel.dim()} dimensions")
    if fit != "interpolate" and fit != "fixed":
        raise ValueError(f"kernel_fit is 'interpolate' or 'fixed', got '{fit}'")
    old = kernel.shape[1]
    if old % 2 == 0 or length % 2 == 0 or length < 1:
        raise ValueError(f"kernel lengths must be odd (2H-1 for a map of H >= 1), got {old} to be fitted to {length}")
    if old == length:
        return kernel
    if fit == "fixed":
        margin = (length - old) // 2  # negative: crop
        return F.pad(kernel, [margin, margin])
    if length == 1:
        return kernel[:, old // 2 : old // 2 + 1]
    return _interpolate(kernel, length)


def fit_circular(kernel: Tensor, length: int) -> Tensor:
    """Return the kernel or position embedding [C, K] of a circular convolution as [C, length], any two lengths.

    Linear, first entry to first and last to last (align_corners), as the authors' code has it; length 1 takes the
    first, which is the tap of a line's own place.
    """
    if kernel.dim() != 2 or length < 1:
        raise ValueError(f"a [channels, length] is fitted to a length of at least 1, got {kernel.shape} for {length}")
    if length == kernel.shape[1]:
        return kernel
    return kernel[:, :1] if length == 1 else _interpolate(kernel, length)


def _interpolate(kernel: Tensor, length: int) -> Tensor:
    """Positions are whole-number fractions i * (L-1) / (length-1), so that the centre and the ends are hit exactly."""
    old = kernel.shape[1]
    steps = torch.arange(length, device=kernel.device) * (old - 1)
    left = torch.div(steps, length - 1, rounding_mode="floor")
    right = (left + 1).clamp(max=old - 1)
    exact = kernel if kernel.dtype == torch.float64 else kernel.float()  # half precision cannot hold the fractions
    fraction = (steps - left * (length - 1)).to(exact.dtype) / (length - 1)
    taps = exact[:, left] * (1 - fraction) + exact[:, right] * fraction
    return taps.to(kernel.dtype)
