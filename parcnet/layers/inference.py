"""The uniform block frozen for one map size: the same function in fewer passes over memory.

Every pointwise operation is attached to the convolution before it, so that kernel libraries (oneDNN by `layers.packed`,
inductor when compiled) can fuse them: the GELU to the feature's, the product to the gate's, the sum with the shortcut
to the output's. The norms' weights are folded into the convolutions that follow them.
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.layers.block import ParCNetV2Block
from parcnet.layers.channel_bgu import ChannelBGU
from parcnet.layers.local_global_conv import LocalGlobalConv
from parcnet.layers.norm import BiasFreeLayerNorm2d
from parcnet.layers.res_scale import ResScale
from parcnet.layers.spatial_bgu import SpatialBGU
from parcnet.ops.oversized.dense import merge
from parcnet.ops.oversized.toeplitz import toeplitz

Combine = Literal["mul", "add"] | None
"""How a convolution's output is combined with a second input."""


class Pointwise(nn.Module):
    """A 1x1 convolution with fused epilogue: W x + b, then GELU, then the product or sum with another map."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None, *, gelu: bool = False, combine: Combine = None) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().clone().contiguous())
        self.register_buffer("bias", None if bias is None else bias.detach().clone())
        self.gelu = gelu
        self.combine = combine

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        y = F.conv2d(x, self.weight, self.bias)
        if self.gelu:
            y = F.gelu(y)
        if other is None:
            return y
        if self.combine is None:
            raise ValueError("a second map is given, but combine is None: expected 'mul' or 'add'")
        return y * other if self.combine == "mul" else y + other


class Depthwise(nn.Module):
    """A depthwise convolution with "same" padding, plus another map if given. Weight [C, 1, h, w], h and w odd."""

    weight: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().clone().contiguous())
        self.padding = (weight.shape[2] // 2, weight.shape[3] // 2)

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        y = F.conv2d(x, self.weight, padding=self.padding, groups=self.weight.shape[0])
        return y if other is None else y + other


class ConvMix(nn.Module):
    """Local plus oversized convolution as three depthwise convolutions."""

    def __init__(self, kernel_h: Tensor, kernel_w: Tensor, local: Tensor, map_size: tuple[int, int]) -> None:  # noqa: ARG002 - the signature of `Mix`
        super().__init__()
        self.rows = Depthwise(kernel_h[:, None, :, None])
        self.columns = Depthwise(kernel_w[:, None, None, :])
        self.local = Depthwise(local)

    def forward(self, x: Tensor) -> Tensor:
        return self.columns(self.rows(x), self.local(x))


class MatmulMix(nn.Module):
    """Local plus oversized convolution, the latter as products with constant Toeplitz matrices."""

    rows: Tensor
    columns: Tensor

    def __init__(self, kernel_h: Tensor, kernel_w: Tensor, local: Tensor, map_size: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("rows", toeplitz(kernel_h.detach(), map_size[0]).contiguous())
        self.register_buffer("columns", toeplitz(kernel_w.detach(), map_size[1]).contiguous())
        self.local = Depthwise(local)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.einsum("cip,bcpj->bcij", self.rows, x)
        y = torch.einsum("cjq,bciq->bcij", self.columns, y)
        return self.local(x, y.contiguous(memory_format=torch.channels_last))


class DenseMix(nn.Module):
    """Local and oversized convolution merged into one dense depthwise kernel (supplement H)."""

    def __init__(self, kernel_h: Tensor, kernel_w: Tensor, local: Tensor, map_size: tuple[int, int]) -> None:  # noqa: ARG002 - the signature of `Mix`
        super().__init__()
        self.merged = Depthwise(merge(kernel_h, kernel_w, local)[:, None])

    def forward(self, x: Tensor) -> Tensor:
        return self.merged(x)


Mix = Callable[[Tensor, Tensor, Tensor, tuple[int, int]], nn.Module]
MIXES: dict[str, Mix] = {"conv": ConvMix, "matmul": MatmulMix, "dense": DenseMix}


class UnweightedNorm(nn.Module):
    """(x - mean(x)) / sqrt(var(x) + eps) over the channels of an NCHW map; the weight is folded into the next layer."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.permute(0, 2, 3, 1), (x.shape[1],), eps=self.eps).permute(0, 3, 1, 2)


class InferenceBGU(nn.Module):
    """shortcut(x) + W_out (gate * mix(GELU(feature))): either unit of the block, with its norm and its shortcut.

    Factors of the shortcut that are all 1 are left out. Others cannot be folded into a convolution, because the norm of
    the next unit applies to the scaled sum.
    """

    scale: Tensor | None

    def __init__(
        self, norm: BiasFreeLayerNorm2d, unit: SpatialBGU | ChannelBGU, mix: nn.Module, res_scale: nn.Module
    ) -> None:
        super().__init__()
        weight = unit.project_in.weight * norm.weight[None, :, None, None]  # W diag(w) x = W (w * x)
        gate, feature = weight.chunk(2)
        bias = unit.project_in.bias
        gate_bias, feature_bias = (None, None) if bias is None else bias.chunk(2)
        self.norm = UnweightedNorm(norm.eps)
        self.gate = Pointwise(gate, gate_bias, combine="mul")
        self.feature = Pointwise(feature, feature_bias, gelu=True)
        self.mix = mix
        self.out = Pointwise(unit.project_out.weight, unit.project_out.bias, combine="add")
        scale = res_scale.scale.detach() if isinstance(res_scale, ResScale) else None
        identity = scale is None or bool((scale == 1).all())
        self.register_buffer("scale", None if scale is None or identity else scale.clone()[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        gated = self.gate(normed, self.mix(self.feature(normed)))
        return self.out(gated, x if self.scale is None else x * self.scale)


def freezable(block: ParCNetV2Block) -> bool:
    """Whether `freeze_block` supports this block: the published one, without the options of the ablations."""
    return (
        isinstance(block.spatial, SpatialBGU)
        and not block.spatial.additive
        and isinstance(block.spatial.mix, LocalGlobalConv)
        and isinstance(block.channel, ChannelBGU)
        and not block.channel.additive
        and isinstance(block.layer_scale1, nn.Identity)
        and isinstance(block.layer_scale2, nn.Identity)
    )


def freeze_mix(block: ParCNetV2Block, map_size: tuple[int, int], algorithm: str) -> nn.Module:
    """The local-global convolution of `block` alone, frozen as in `freeze_block`."""
    spatial: Any = block.spatial
    kernel_h, kernel_w = spatial.mix.oversized.kernels_for(*map_size)
    return MIXES[algorithm](kernel_h, kernel_w, spatial.mix.local.weight, map_size)


def freeze_block(block: ParCNetV2Block, map_size: tuple[int, int], algorithm: str) -> nn.Sequential:
    """`block` in eval mode, for maps of `map_size` (H, W) only; `algorithm` is a key of `MIXES`.

    The block must be `freezable`.
    """
    spatial: Any = block.spatial
    channel: Any = block.channel
    mix = freeze_mix(block, map_size, algorithm)
    return nn.Sequential(
        InferenceBGU(block.norm1, spatial, mix, block.res_scale1),
        InferenceBGU(block.norm2, channel, nn.Identity(), block.res_scale2),
    )
