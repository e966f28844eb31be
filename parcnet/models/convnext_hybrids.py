"""ConvNeXt with layers of ParCNetV2 (ICCV 2023, supplement, Tab. 1)."""

from __future__ import annotations

from typing import Any, Unpack

from timm.models import generate_default_cfgs, register_model
from torch import nn

from parcnet.layers import ChannelBGU, SpatialBGU, token_mix
from parcnet.layers.options import Gate, Mix, check_option
from parcnet.models.convnext import ConvNeXtArguments, ConvNeXtSkeleton
from parcnet.models.creation import create, default_cfg
from parcnet.models.map_sizes import map_sizes

BGU_EXPANSION = 5 / 3
"""The expansion at which both gated units of a block have the weights of ConvNeXt's feed-forward network, expansion 4.

The spatial unit has 3 C^2, the channel unit 3 a C^2, together 8 C^2, hence a = 5/3; the paper prints parameters, not a.
"""


class ConvNeXtHybrid(ConvNeXtSkeleton):
    """ConvNeXt with another token mixer or channel mixer.

    mix         how its 7x7 and an oversized convolution are combined, see `token_mix`; "local" is the 7x7 alone.
    gate        "none": ConvNeXt's own structure. "multiply" or "add": `SpatialBGU` in place of the bare mix,
                `ChannelBGU` in place of the feed-forward network. Their position is not published: here the norm stays
                between them, the block keeps its single shortcut, and 1x1 convolutions have ConvNeXt's bias.

    `img_size`, `kernel_fit` and `algorithm` are those of `ParCNetV2`, the other arguments those of `ConvNeXtSkeleton`.
    """

    def __init__(
        self,
        *,
        depths: tuple[int, ...],
        dims: tuple[int, ...],
        mix: Mix = "local",
        gate: Gate = "none",
        img_size: int | tuple[int, int] = 224,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
        **shared: Unpack[ConvNeXtArguments],
    ) -> None:
        check_option("gate", gate, Gate)
        sizes = map_sizes(img_size, len(dims))

        def token_mixer(stage: int, block: int) -> nn.Module:  # noqa: ARG001 - all blocks of a stage are alike
            width, size = dims[stage], sizes[stage]
            if gate == "none":
                return token_mix(width, size, mix, local_bias=True, kernel_fit=kernel_fit, algorithm=algorithm)
            return SpatialBGU(
                width, size, mix=mix, gate=gate, out_bias=True, kernel_fit=kernel_fit, algorithm=algorithm
            )

        def channel_mixer(channels: int) -> nn.Module:
            return ChannelBGU(channels, expansion=BGU_EXPANSION, gate=gate, out_bias=True)

        super().__init__(token_mixer, None if gate == "none" else channel_mixer, depths=depths, dims=dims, **shared)


_TINY: dict[str, Any] = {"depths": (3, 3, 9, 3), "dims": (96, 192, 384, 768)}

default_cfgs = generate_default_cfgs({"convnext_tiny_oversized": default_cfg(), "convnext_tiny_bgu": default_cfg()})


@register_model
def convnext_tiny_oversized(pretrained: bool = False, **kwargs: Any) -> ConvNeXtHybrid:
    """ConvNeXt-T with an oversized branch beside each 7x7: 28.96M, 4.75G; printed 30M, 4.8G (supplement, Tab. 1)."""
    return create(ConvNeXtHybrid, "convnext_tiny_oversized", pretrained, kwargs, **_TINY, mix="parallel")


@register_model
def convnext_tiny_bgu(pretrained: bool = False, **kwargs: Any) -> ConvNeXtHybrid:
    """ConvNeXt-T with both gated units: 28.60M, 4.46G; printed 29M, 4.5G (supplement, Tab. 1)."""
    return create(ConvNeXtHybrid, "convnext_tiny_bgu", pretrained, kwargs, **_TINY, gate="multiply")
