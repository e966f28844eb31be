"""ConvNeXt's skeleton, around any mixers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from torch import nn

from parcnet.layers import ConvNeXtBlock
from parcnet.layers.patch_conv import PatchDownsample, PatchStem
from parcnet.models.staged import NetworkStage, SharedArguments, StagedNetwork

TokenMixer = Callable[[int, int], nn.Module]
"""(stage, block within the stage) -> the token mixer of that block."""

ChannelMixer = Callable[[int], nn.Module]
"""(channels) -> the channel mixer of a block."""


class ConvNeXtArguments(SharedArguments, total=False):
    """Arguments of every network on this skeleton besides its depths and dims."""

    layer_scale: float


class ConvNeXtSkeleton(StagedNetwork):
    """Patches of 4x4, stages of `ConvNeXtBlock` with patches of 2x2 between them, head (arXiv 2201.03545).

    layer_scale     initial value of the factors of the branches; 0 leaves them out.

    The other arguments and the shapes are those of `StagedNetwork`; images of 3 px and more a side.
    """

    def __init__(
        self,
        token_mixer: TokenMixer,
        channel_mixer: ChannelMixer | None = None,
        *,
        depths: tuple[int, ...],
        dims: tuple[int, ...],
        layer_scale: float = 1e-6,
        **shared: Unpack[SharedArguments],
    ) -> None:
        def stage(i: int, drop_paths: list[float]) -> NetworkStage:
            blocks = [
                ConvNeXtBlock(
                    dims[i],
                    token_mixer(i, j),
                    None if channel_mixer is None else channel_mixer(dims[i]),
                    layer_scale=layer_scale,
                    drop_path=drop_path,
                )
                for j, drop_path in enumerate(drop_paths)
            ]
            return NetworkStage(PatchDownsample(dims[i - 1], dims[i]) if i else nn.Identity(), blocks)

        super().__init__(PatchStem, stage, depths=depths, dims=dims, **shared)
