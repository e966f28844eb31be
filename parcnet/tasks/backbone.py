"""Any network as a backbone: the maps of its stages, each behind a norm of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.models import build

STRIDES = (4, 8, 16, 32)
"""Pixels of the image a pixel of each map stands for, per side, that pyramids of maps want."""


class Backbone(nn.Module):
    """Images [B, C, H, W] -> one map [B, channels_i, H / stride_i, W / stride_i] for each of `strides`, NCHW.

    net     timm's `features_only` form of a network; its parameters have the names they have for classification, but
            that `stages.0` may be `stages_0`
    norms   a LayerNorm over the channels of each map, as in the published detectors and segmenters: the stages of such
            networks end without one
    """

    def __init__(self, net: nn.Module, levels: Sequence[int], norm: bool = True) -> None:
        super().__init__()
        self.net = net
        self.levels = tuple(levels)
        info: Any = net.feature_info
        self.channels = tuple(info.channels()[level] for level in levels)
        self.strides = tuple(info.reduction()[level] for level in levels)
        self.norms = nn.ModuleList(LayerNorm2d(each, eps=1e-6) if norm else nn.Identity() for each in self.channels)
        self._channels_last = getattr(net, "output_fmt", None) == "NHWC"

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = self.net(images)
        if self._channels_last:  # windowed transformers
            maps = [each.permute(0, 3, 1, 2) for each in maps]
        return [norm(maps[level]) for level, norm in zip(self.levels, self.norms, strict=True)]

    @torch.jit.ignore
    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """As timm's: recompute each block's activations in backward instead of keeping them."""
        self.net.set_grad_checkpointing(enable)  # type: ignore[operator]  # timm's contract


def build_backbone(
    model: str, model_args: Mapping[str, Any], *, strides: Sequence[int] = STRIDES, norm: bool = True
) -> Backbone:
    """The network `model`, ours or any of timm's, as a backbone with fresh weights and maps of these strides.

    `model_args` are those of timm.create_model; `norm` False leaves out the norms of the maps. Raises `UserError` for a
    network that is not known, whose arguments are wrong, that gives no maps, or none of some stride.
    """
    try:
        net = build(model, features_only=True, **model_args)
        reductions: list[int] = net.feature_info.reduction()  # type: ignore[union-attr, operator]  # timm's contract
    except (RuntimeError, AttributeError) as error:
        raise UserError(f"{model} gives no feature maps, so it is no backbone: {error}") from error
    if missing := [stride for stride in strides if stride not in reductions]:
        raise UserError(
            f"{model} has maps of strides {', '.join(map(str, reductions))}; {', '.join(map(str, missing))} wanted "
            "too. Use a network of four stages, e.g. parcnetv2_tiny."
        )
    return Backbone(net, [reductions.index(stride) for stride in strides], norm)
