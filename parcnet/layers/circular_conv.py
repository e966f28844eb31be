"""The circular convolution as a layer."""

from collections.abc import MutableMapping

import torch
import torch.fx
from timm.layers import register_notrace_module
from torch import Tensor, nn

from parcnet.layers.map_sized import MapSized
from parcnet.layers.options import check_option
from parcnet.layers.oversized_conv1d import Axis
from parcnet.ops import CIRCULAR_ALGORITHMS, circular_conv2d, fit_circular
from parcnet.ops.circular.conv import circular_conv2d_conv


@torch.fx.wrap  # one node of a traced graph: the choice of an algorithm depends on the map's size
def _fit_and_convolve(x: Tensor, kernel: Tensor, bias: Tensor | None, vertical: bool, algorithm: str) -> Tensor:
    fitted = fit_circular(kernel, x.shape[2] if vertical else x.shape[3])
    return circular_conv2d(x, fitted, axis="h" if vertical else "w", bias=bias, algorithm=algorithm)


@register_notrace_module
class CircularConv1d(MapSized):
    """Depthwise circular convolution along the height (axis "h") or width (axis "w") (arXiv 2203.03952, Eq. 1).

        y[c,i,j] = bias[c] + sum_k kernel[c,k] x[c, (i+k) mod H, j]      axis "h"; "w" likewise, over j

    Owns `kernel` [C, K] and `bias` [C] (None without) for maps of side K along `axis`. Maps of any other size and
    aspect ratio work: the kernel is resized on each call, and nothing is cached. Weights trained for another size are
    resized when loaded. A preceding `LineEmbedding` makes it position-aware, see `ParC`.

    algorithm    see `parcnet.ops.circular_conv2d`. Scripted modules use "conv".

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(
        self,
        channels: int,
        length: int,
        axis: Axis,
        *,
        bias: bool = True,
        algorithm: str = "auto",
    ) -> None:
        super().__init__()
        if min(channels, length) < 1:
            raise ValueError(f"channels and length must be at least 1, got {channels} and {length}")
        check_option("axis", axis, Axis)
        if algorithm != "auto" and algorithm not in CIRCULAR_ALGORITHMS:
            known = ", ".join(CIRCULAR_ALGORITHMS)
            raise ValueError(f"unknown algorithm {algorithm!r}: expected 'auto' or one of {known}")
        self.vertical = axis == "h"
        self.algorithm = algorithm
        self.kernel = nn.Parameter(torch.empty(channels, length))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None
        nn.init.trunc_normal_(self.kernel, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            dim = 2 if self.vertical else 3
            return circular_conv2d_conv(x, fit_circular(self.kernel, x.shape[dim]), self.bias, dim)
        return _fit_and_convolve(x, self.kernel, self.bias, self.vertical, self.algorithm)

    @torch.jit.ignore
    def fit_loaded(self, weights: MutableMapping[str, Tensor], prefix: str) -> None:
        """Resize this layer's kernel in `weights`, trained for another map size, to its own length, in place."""
        loaded = weights.get(f"{prefix}kernel")
        if loaded is not None:
            weights[f"{prefix}kernel"] = fit_circular(loaded, self.kernel.shape[1])

    @torch.jit.ignore
    def set_map_size(self, map_size: tuple[int, int]) -> None:
        """Replace the kernel by one interpolated to another map size (H, W). Create the optimizer afterwards."""
        fitted = fit_circular(self.kernel.detach(), map_size[0 if self.vertical else 1]).clone()
        self.kernel = nn.Parameter(fitted, requires_grad=self.kernel.requires_grad)

    def extra_repr(self) -> str:
        channels, length = self.kernel.shape
        axis = "h" if self.vertical else "w"
        return f"{channels}, length={length}, axis={axis!r}, bias={self.bias is not None}, algorithm={self.algorithm!r}"
