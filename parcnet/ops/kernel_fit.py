"""Fitting a 1-D kernel, trained for one map length, to another (ICCV 2023, Sec. 3.1, "Adaptability")."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

KernelFit = Literal["interpolate", "fixed"]


def fit_kernel(kernel: Tensor, length: int, fit: str = "interpolate") -> Tensor:
    """Resize `kernel` [C, L] to [C, length], both lengths odd; the centre tap stays the centre and keeps its value.

    interpolate    linear, with aligned corners, as in the text of the paper. Tap values are kept, so the kernel's sum
                   grows with its length. Length 1 takes the centre tap.
    fixed          crops, or pads with zeros, around the centre tap, as for the published detection and segmentation
                   results. Equal to a convolution with the trained kernel and fixed padding.

    Raises ValueError for an even length, which has no centre tap, and for an unknown `fit`.
    """
    if kernel.dim() != 2:
        raise ValueError(f"a kernel is [channels, length], got a tensor with {kernel.dim()} dimensions")
    if fit != "interpolate" and fit != "fixed":
        raise ValueError(f"kernel_fit is 'interpolate' or 'fixed', got '{fit}'")
    old = kernel.shape[1]
    if old % 2 == 0 or length % 2 == 0 or length < 1:
        raise ValueError(
            f"kernel lengths must be odd (2H-1 for a map of height H >= 1), got {old} to resize to {length}"
        )
    if old == length:
        return kernel
    if fit == "fixed":
        margin = (length - old) // 2  # negative: crop
        return F.pad(kernel, [margin, margin])
    if length == 1:
        return kernel[:, old // 2 : old // 2 + 1]
    return _interpolate(kernel, length)


def fit_circular(kernel: Tensor, length: int) -> Tensor:
    """Resize the kernel or position embedding [C, K] of a circular convolution to [C, length], for any two lengths.

    Linear, with aligned corners, as in the authors' code; length 1 takes the first entry, the tap at offset 0.
    """
    if kernel.dim() != 2 or length < 1:
        raise ValueError(
            f"expected a kernel [channels, length] and a length of at least 1, got {kernel.shape} and {length}"
        )
    if length == kernel.shape[1]:
        return kernel
    return kernel[:, :1] if length == 1 else _interpolate(kernel, length)


def _interpolate(kernel: Tensor, length: int) -> Tensor:
    """Positions are the rational numbers i * (L-1) / (length-1), so that the centre and the ends are exact."""
    old = kernel.shape[1]
    steps = torch.arange(length, device=kernel.device) * (old - 1)
    left = torch.div(steps, length - 1, rounding_mode="floor")
    right = (left + 1).clamp(max=old - 1)
    exact = kernel if kernel.dtype == torch.float64 else kernel.float()  # half precision cannot represent the fractions
    fraction = (steps - left * (length - 1)).to(exact.dtype) / (length - 1)
    taps = exact[:, left] * (1 - fraction) + exact[:, right] * fraction
    return taps.to(kernel.dtype)
