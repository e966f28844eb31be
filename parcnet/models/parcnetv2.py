"""ParCNetV2 (ICCV 2023): four stages of one uniform block, and its registered sizes."""

from __future__ import annotations

from typing import Any, Unpack

from timm.models import generate_default_cfgs, register_model
from torch import nn

from parcnet.layers import Downsample, ParCNetV2Block, Stem
from parcnet.layers.options import ChannelMixer, Gate, Mix, Residual
from parcnet.models.creation import create, default_cfg
from parcnet.models.map_sizes import map_sizes
from parcnet.models.staged import NetworkStage, SharedArguments, StagedNetwork, per_stage

NO_SCALE_THEN_RES_SCALE: tuple[Residual, ...] = ("none", "none", "res_scale", "res_scale")


class ParCNetV2(StagedNetwork):
    """Stem, four stages, head: global mean, LayerNorm, linear (ICCV 2023, Fig. 3d and Tab. 1).

    img_size        (H, W) in px, or one number; fixes the lengths 2H-1, 2W-1 of the oversized kernels. Images of any
                    other size and aspect ratio from 3 px up work, see `kernel_fit`.
    kernel_fit      "interpolate" (the text of the paper) or "fixed" (what its detection and segmentation numbers used).
    mix, gate, channel, residual
                    the papers' ablations, see `ParCNetV2Block`: one option for all stages, or one for each. The
                    published networks scale the shortcuts of stages 3 and 4.

    The other arguments and the shapes are those of `StagedNetwork`.
    """

    authors_name = "ParCNetV2"

    def __init__(
        self,
        *,
        depths: tuple[int, ...],
        dims: tuple[int, ...],
        img_size: int | tuple[int, int] = 224,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
        local_kernel: int = 7,
        expansion: float = 2.5,
        mix: Mix | tuple[Mix, ...] = "parallel",
        gate: Gate | tuple[Gate, ...] = "multiply",
        channel: ChannelMixer | tuple[ChannelMixer, ...] = "bgu",
        residual: Residual | tuple[Residual, ...] = NO_SCALE_THEN_RES_SCALE,
        **shared: Unpack[SharedArguments],
    ) -> None:
        count = len(dims)
        sizes = map_sizes(img_size, count)
        mixes: tuple[Mix, ...] = per_stage("mix", mix, count)
        gates: tuple[Gate, ...] = per_stage("gate", gate, count)
        channels: tuple[ChannelMixer, ...] = per_stage("channel", channel, count)
        residuals: tuple[Residual, ...] = per_stage("residual", residual, count)

        def stage(i: int, drop_paths: list[float]) -> NetworkStage:
            blocks = [
                ParCNetV2Block(
                    dims[i],
                    sizes[i],
                    expansion=expansion,
                    local_kernel=local_kernel,
                    mix=mixes[i],
                    gate=gates[i],
                    channel=channels[i],
                    residual=residuals[i],
                    drop_path=drop_path,
                    kernel_fit=kernel_fit,
                    algorithm=algorithm,
                )
                for drop_path in drop_paths
            ]
            return NetworkStage(Downsample(dims[i - 1], dims[i]) if i else nn.Identity(), blocks)

        super().__init__(Stem, stage, depths=depths, dims=dims, stem_first=True, **shared)


XT: dict[str, Any] = {"depths": (3, 3, 9, 2), "dims": (48, 96, 192, 320)}
"""Depths and dims of ParCNetV2-XT, shared with the ablations."""

default_cfgs = generate_default_cfgs(
    {
        "parcnetv2_xt": default_cfg(),
        "parcnetv2_tiny": default_cfg(),
        "parcnetv2_small": default_cfg(),
        "parcnetv2_base": default_cfg(),
        "parcnetv2_digits": default_cfg(input_size=(3, 32, 32), pool_size=(1, 1), num_classes=10, crop_pct=1.0),
    }
)


@register_model
def parcnetv2_xt(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """ParCNetV2-XT: 7.4M parameters, 1.6G MACs (ICCV 2023, Tab. 1)."""
    return create(ParCNetV2, "parcnetv2_xt", pretrained, kwargs, **XT)


@register_model
def parcnetv2_tiny(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """ParCNetV2-T: 25M parameters, 4.3G MACs (ICCV 2023, Tab. 1)."""
    return create(ParCNetV2, "parcnetv2_tiny", pretrained, kwargs, depths=(3, 3, 12, 3), dims=(64, 128, 320, 512))


@register_model
def parcnetv2_small(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """ParCNetV2-S: 39M parameters, 7.8G MACs (ICCV 2023, Tab. 1)."""
    return create(ParCNetV2, "parcnetv2_small", pretrained, kwargs, depths=(3, 9, 24, 3), dims=(64, 128, 320, 512))


@register_model
def parcnetv2_base(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """ParCNetV2-B: 56M parameters, 12.5G MACs (ICCV 2023, Tab. 1)."""
    return create(ParCNetV2, "parcnetv2_base", pretrained, kwargs, depths=(3, 9, 24, 3), dims=(96, 192, 384, 576))


@register_model
def parcnetv2_digits(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """Our own ParCNetV2 for 32 px images of ten classes, 0.43M parameters: `parcnet train` trains it in a minute.

    Its maps are 8, 4, 2 and 1 px: blocks on the largest cost most, width on the smallest next to nothing.
    """
    numbers = {"depths": (1, 1, 1, 1), "dims": (32, 64, 96, 96), "img_size": 32}
    return create(ParCNetV2, "parcnetv2_digits", pretrained, kwargs, **numbers)
