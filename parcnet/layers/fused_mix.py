"""Token mixing and gate in one GPU kernel."""

from torch import Tensor

from parcnet.layers.oversized_conv import fitted
from parcnet.ops.triton import spatial_mix

FUSED = "fused"
"""The `algorithm` of a spatial BGU that selects `parcnet.ops.triton.spatial_mix`."""


def gated_mix(
    feature: Tensor, gate: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor, kernel_fit: str
) -> Tensor:
    """gate * (oversized(feature) + DWConv(feature, local)), with one read of each input and one write of the output.

    Shapes: feature, gate [B, C, H, W], kernels [C, taps] of any length, local [C, 1, k, k] -> [B, C, H, W]. Raises as
    `spatial_mix` does.
    """
    kernels = (fitted(kernel_h, feature.shape[2], kernel_fit), fitted(kernel_w, feature.shape[3], kernel_fit))
    return spatial_mix(feature, gate, *kernels, local)
