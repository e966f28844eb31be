"""The position embedding of ParCNetV1: one learned vector for each row or column of a map."""

from collections.abc import MutableMapping

import torch
import torch.fx
from timm.layers import register_notrace_module
from torch import Tensor, nn

from parcnet.layers.map_sized import MapSized
from parcnet.layers.options import check_option
from parcnet.layers.oversized_conv1d import Axis
from parcnet.ops import fit_circular


@torch.fx.wrap  # one node of a traced graph: fitting depends on the map's size
def _fit_and_add(x: Tensor, weight: Tensor, vertical: bool) -> Tensor:
    if vertical:
        return x + fit_circular(weight, x.shape[2])[:, :, None]
    return x + fit_circular(weight, x.shape[3])[:, None, :]


@register_notrace_module
class LineEmbedding(MapSized):
    """Adds a learned vector to each row (axis "h") or column (axis "w") of a map (arXiv 2203.03952, Sec. 3.1).

        y[c,i,j] = x[c,i,j] + weight[c,i]      axis "h"; weight[c,j] for "w"

    Owns `weight` [C, K] for maps of side K along `axis`; it is interpolated for maps of any other size, on each call,
    and on loading.

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(self, channels: int, length: int, axis: Axis) -> None:
        super().__init__()
        if min(channels, length) < 1:
            raise ValueError(f"channels and length must be at least 1, got {channels} and {length}")
        check_option("axis", axis, Axis)
        self.vertical = axis == "h"
        self.weight = nn.Parameter(torch.empty(channels, length))
        nn.init.trunc_normal_(self.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return _fit_and_add(x, self.weight, self.vertical)

    @torch.jit.ignore
    def fit_loaded(self, weights: MutableMapping[str, Tensor], prefix: str) -> None:
        """Resize this embedding in `weights`, trained for another map size, to its own length, in place."""
        loaded = weights.get(f"{prefix}weight")
        if loaded is not None:
            weights[f"{prefix}weight"] = fit_circular(loaded, self.weight.shape[1])

    @torch.jit.ignore
    def set_map_size(self, map_size: tuple[int, int]) -> None:
        """Replace the parameter by one interpolated to another map size (H, W). Create the optimizer afterwards."""
        fitted = fit_circular(self.weight.detach(), map_size[0 if self.vertical else 1]).clone()
        self.weight = nn.Parameter(fitted, requires_grad=self.weight.requires_grad)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, length={self.weight.shape[1]}, axis={'h' if self.vertical else 'w'!r}"
