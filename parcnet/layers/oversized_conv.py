"""The oversized convolution as a layer."""

from collections.abc import MutableMapping

import torch
import torch.fx
from timm.layers import register_notrace_module, to_2tuple
from torch import Tensor, nn

from parcnet.layers.map_sized import MapSized
from parcnet.ops import ALGORITHMS, fit_kernel, oversized_conv2d
from parcnet.ops.oversized.conv import oversized_conv2d_conv


def fitted(kernel: Tensor, size: int, kernel_fit: str) -> Tensor:
    """`kernel` [C, taps] resized to one side of a map: the taps that reach the map, at most 2 * size - 1."""
    reach = 2 * size - 1
    if kernel_fit == "fixed" and kernel.shape[1] <= reach:
        return kernel  # equals the zero-padded kernel, at the cost of the trained taps only
    return fit_kernel(kernel, reach, kernel_fit)


@torch.fx.wrap  # one node of a traced graph: the choice of an algorithm depends on the map's size
def _fit_and_convolve(x: Tensor, kernel_h: Tensor, kernel_w: Tensor, kernel_fit: str, algorithm: str) -> Tensor:
    fitted_h = fitted(kernel_h, x.shape[2], kernel_fit)
    fitted_w = fitted(kernel_w, x.shape[3], kernel_fit)
    return oversized_conv2d(x, fitted_h, fitted_w, algorithm=algorithm)


@register_notrace_module
class OversizedConv2d(MapSized):
    """Depthwise convolution, vertical then horizontal, with a global receptive field (ICCV 2023, Sec. 3.1).

    Owns `kernel_h` [C, 2H-1] and `kernel_w` [C, 2W-1] for maps of `map_size` (H, W). Maps of any other size work: the
    kernels are resized on each call, and nothing is cached. Weights trained for another size are resized when loaded.

    kernel_fit   "interpolate": linear, to 2H-1 and 2W-1; the receptive field stays global. "fixed": the trained taps
                 are kept, and those outside the map are dropped, as with fixed padding.
    algorithm    see `parcnet.ops.oversized_conv2d`. Scripted modules use "conv".

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(
        self,
        channels: int,
        map_size: int | tuple[int, int],
        *,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
    ) -> None:
        super().__init__()
        height, width = to_2tuple(map_size)
        if min(channels, height, width) < 1:
            raise ValueError(f"channels and map_size must be at least 1, got {channels} and {(height, width)}")
        if kernel_fit not in ("interpolate", "fixed"):
            raise ValueError(f"kernel_fit is 'interpolate' or 'fixed', got {kernel_fit!r}")
        if algorithm != "auto" and algorithm not in ALGORITHMS:
            raise ValueError(f"unknown algorithm {algorithm!r}: expected 'auto' or one of {', '.join(ALGORITHMS)}")
        self.channels = channels
        self.kernel_fit = kernel_fit
        self.algorithm = algorithm
        self.kernel_h = nn.Parameter(torch.empty(channels, 2 * height - 1))
        self.kernel_w = nn.Parameter(torch.empty(channels, 2 * width - 1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Truncated normal of standard deviation 0.02, as in the release."""
        nn.init.trunc_normal_(self.kernel_h, std=0.02)
        nn.init.trunc_normal_(self.kernel_w, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            kernel_h = fitted(self.kernel_h, x.shape[2], self.kernel_fit)
            kernel_w = fitted(self.kernel_w, x.shape[3], self.kernel_fit)
            return oversized_conv2d_conv(x, kernel_h, kernel_w)
        return _fit_and_convolve(x, self.kernel_h, self.kernel_w, self.kernel_fit, self.algorithm)

    @torch.jit.ignore
    def fit_loaded(self, weights: MutableMapping[str, Tensor], prefix: str) -> None:
        """Resize this layer's kernels in `weights`, trained for another map size, to its own lengths, in place.

        Loading a state dict calls it.
        """
        for name in ("kernel_h", "kernel_w"):
            loaded = weights.get(prefix + name)
            if loaded is not None:
                weights[prefix + name] = fit_kernel(loaded, getattr(self, name).shape[1], self.kernel_fit)

    @torch.jit.ignore
    def kernels_for(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """The kernels [C, taps] for a map of this size, of odd lengths, at most 2H-1 and 2W-1."""
        return fitted(self.kernel_h, height, self.kernel_fit), fitted(self.kernel_w, width, self.kernel_fit)

    @torch.jit.ignore
    def set_map_size(self, map_size: tuple[int, int]) -> None:
        """Replace the parameters by kernels interpolated to another map size; "fixed" kernels are unchanged.

        The parameters are new objects: create the optimizer afterwards.
        """
        if self.kernel_fit == "fixed":
            return
        for name, size in zip(("kernel_h", "kernel_w"), map_size, strict=True):
            old = getattr(self, name)
            interpolated = fit_kernel(old.detach(), 2 * size - 1, self.kernel_fit).clone()
            setattr(self, name, nn.Parameter(interpolated, requires_grad=old.requires_grad))

    def extra_repr(self) -> str:
        taps_h, taps_w = self.kernel_h.shape[1], self.kernel_w.shape[1]
        return (
            f"{self.channels}, taps=({taps_h}, {taps_w}), kernel_fit={self.kernel_fit!r}, algorithm={self.algorithm!r}"
        )
