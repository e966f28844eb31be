"""One half of the oversized convolution as a layer."""

from collections.abc import MutableMapping
from typing import Literal

import torch
import torch.fx
from timm.layers import register_notrace_module
from torch import Tensor, nn

from parcnet.layers.map_sized import MapSized
from parcnet.layers.options import check_option
from parcnet.layers.oversized_conv import fitted
from parcnet.ops import fit_kernel
from parcnet.ops.kernel_fit import KernelFit
from parcnet.ops.layout import is_channels_last, laid_out
from parcnet.ops.oversized.conv import convolution_format, depthwise

Axis = Literal["h", "w"]


@torch.fx.wrap  # one node of a traced graph: the kernel depends on the map's size
def _fit_and_convolve(x: Tensor, kernel: Tensor, vertical: bool, kernel_fit: str) -> Tensor:
    taps = fitted(kernel, x.shape[2] if vertical else x.shape[3], kernel_fit)
    weight = taps[:, None, :, None] if vertical else taps[:, None, None, :]
    return laid_out(depthwise(convolution_format(x), weight), is_channels_last(x))


@register_notrace_module
class OversizedConv1d(MapSized):
    """ParC-O-H (axis "h") or ParC-O-W (axis "w") alone, so that another layer can come between (supplement, Tab. 2).

    Owns `kernel` [C, 2L-1], L being the map's side along `axis`. As `OversizedConv2d`, it takes maps of any size.

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(self, channels: int, length: int, axis: Axis, *, kernel_fit: str = "interpolate") -> None:
        super().__init__()
        if min(channels, length) < 1:
            raise ValueError(f"channels and length must be at least 1, got {channels} and {length}")
        check_option("axis", axis, Axis)
        check_option("kernel_fit", kernel_fit, KernelFit)
        self.vertical = axis == "h"
        self.kernel_fit = kernel_fit
        self.kernel = nn.Parameter(torch.empty(channels, 2 * length - 1))
        nn.init.trunc_normal_(self.kernel, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return _fit_and_convolve(x, self.kernel, self.vertical, self.kernel_fit)

    @torch.jit.ignore
    def fit_loaded(self, weights: MutableMapping[str, Tensor], prefix: str) -> None:
        """Resize this layer's kernel in `weights`, trained for another map size, to its own length, in place."""
        loaded = weights.get(f"{prefix}kernel")
        if loaded is not None:
            weights[f"{prefix}kernel"] = fit_kernel(loaded, self.kernel.shape[1], self.kernel_fit)

    @torch.jit.ignore
    def set_map_size(self, map_size: tuple[int, int]) -> None:
        """Replace the kernel by one interpolated to another map size (H, W); a "fixed" one is unchanged."""
        if self.kernel_fit == "interpolate":
            length = 2 * map_size[0 if self.vertical else 1] - 1
            interpolated = fit_kernel(self.kernel.detach(), length, self.kernel_fit).clone()
            self.kernel = nn.Parameter(interpolated, requires_grad=self.kernel.requires_grad)

    def extra_repr(self) -> str:
        axis = "h" if self.vertical else "w"
        return f"{self.kernel.shape[0]}, taps={self.kernel.shape[1]}, axis={axis!r}, kernel_fit={self.kernel_fit!r}"
