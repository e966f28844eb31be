"""Any network as a backbone: the feature maps of its stages, each followed by a norm."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.models import build

STRIDES = (4, 8, 16, 32)
"""Strides of the feature maps that decoders expect, in px of the image."""


class Backbone(nn.Module):
    """Images [B, C, H, W] -> one feature map [B, channels_i, H / stride_i, W / stride_i] for each of `strides`, NCHW.

    net     timm's `features_only` form of a network; parameter names are those of the classifier, except that
            `stages.0` may be `stages_0`
    norms   a LayerNorm over the channels of each map, as in the published detectors and segmenters, since the stages
            themselves do not end with one
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
        """As in timm: recompute each block's activations in the backward pass instead of storing them."""
        self.net.set_grad_checkpointing(enable)  # type: ignore[operator]  # timm's contract


def build_backbone(
    model: str, model_args: Mapping[str, Any], *, strides: Sequence[int] = STRIDES, norm: bool = True
) -> Backbone:
    """The network `model`, ours or any of timm, as a randomly initialised backbone with feature maps of these strides.

    `model_args` are those of timm.create_model; `norm=False` omits the norms. Raises `UserError` for an unknown
    network, wrong arguments, and a network without feature maps or without one of the strides.
    """
    try:
        net = build(model, features_only=True, **model_args)
        reductions: list[int] = net.feature_info.reduction()  # type: ignore[union-attr, operator]  # timm's contract
    except (RuntimeError, AttributeError) as error:
        raise UserError(f"{model} returns no feature maps, so it cannot be a backbone: {error}") from error
    if missing := [stride for stride in strides if stride not in reductions]:
        raise UserError(
            f"{model} has feature maps of strides {', '.join(map(str, reductions))}; expected also "
            f"{', '.join(map(str, missing))}. Use a network of four stages, e.g. parcnetv2_tiny."
        )
    return Backbone(net, [reductions.index(stride) for stride in strides], norm)
