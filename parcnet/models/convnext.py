"""ConvNeXt's skeleton, around any mixers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from timm.layers import calculate_drop_path_rates
from torch import nn

from parcnet.layers import ConvNeXtBlock
from parcnet.layers.patch_conv import PatchDownsample, PatchStem
from parcnet.models.parcnetv2 import map_sizes
from parcnet.models.staged import Stage, StagedNetwork, check_numbers, classifier_head

TokenMixer = Callable[[int, int, tuple[int, int]], nn.Module]
"""(stage, block in the stage, (H, W) of the stage's map) -> the token mixer of that block."""

ChannelMixer = Callable[[int], nn.Module]
"""(channels) -> the channel mixer of a block."""


class ConvNeXtSkeleton(StagedNetwork):
    """Patches of 4x4, stages of `ConvNeXtBlock` with patches of 2x2 between them, head (arXiv 2201.03545).

    Shapes: as `StagedNetwork`; images of 3 px and more a side.
    """

    def __init__(
        self,
        token_mixer: TokenMixer,
        channel_mixer: ChannelMixer | None = None,
        *,
        depths: tuple[int, ...],
        dims: tuple[int, ...],
        img_size: int | tuple[int, int] = 224,
        in_chans: int = 3,
        num_classes: int = 1000,
        global_pool: str = "avg",
        layer_scale: float = 1e-6,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        check_numbers(
            depths=depths,
            dims=dims,
            in_chans=in_chans,
            num_classes=num_classes,
            drop_rate=drop_rate,
            drop_path=drop_path_rate,
        )
        rates = calculate_drop_path_rates(drop_path_rate, list(depths), stagewise=True)
        stages = []
        for i, (channels, map_size) in enumerate(zip(dims, map_sizes(img_size, len(dims)), strict=True)):
            blocks = [
                ConvNeXtBlock(
                    channels,
                    token_mixer(i, j, map_size),
                    None if channel_mixer is None else channel_mixer(channels),
                    layer_scale=layer_scale,
                    drop_path=rate,
                )
                for j, rate in enumerate(rates[i])
            ]
            stages.append(Stage(PatchDownsample(dims[i - 1], channels) if i else nn.Identity(), blocks))
        super().__init__(
            PatchStem(in_chans, dims[0]),
            stages,
            classifier_head(dims[-1], num_classes, global_pool, drop_rate),
            dims=dims,
            in_chans=in_chans,
            num_classes=num_classes,
            drop_rate=drop_rate,
        )

    @torch.jit.ignore
    def map_sizes(self, img_size: int | tuple[int, int]) -> list[tuple[int, int]]:
        """The (H, W) of each stage's map for images of `img_size`."""
        return map_sizes(img_size, len(self.stages))
