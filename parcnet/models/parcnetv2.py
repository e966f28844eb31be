"""ParCNetV2 (ICCV 2023): four stages of one uniform block, and its registered sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from timm.layers import calculate_drop_path_rates
from timm.models import generate_default_cfgs, register_model
from torch import nn

from parcnet.layers import Downsample, ParCNetV2Block, Stem, downsampled, stemmed
from parcnet.layers.options import ChannelMixer, Gate, Mix, Residual
from parcnet.models.creation import create, default_cfg
from parcnet.models.staged import Stage, StagedNetwork, check_numbers, classifier_head, image_sides, per_stage

NO_SCALE_THEN_RES_SCALE: tuple[Residual, ...] = ("none", "none", "res_scale", "res_scale")


class ParCNetV2(StagedNetwork):
    """Stem, four stages, head: global mean, LayerNorm, linear (ICCV 2023, Fig. 3d and Tab. 1).

    img_size        (H, W) in px, or one number; fixes the lengths 2H-1, 2W-1 of the oversized kernels. Images of any
                    other size and aspect ratio from 3 px up work, see `kernel_fit`.
    kernel_fit      "interpolate" (the text of the paper) or "fixed" (what its detection and segmentation numbers used).
    mix, gate, channel, residual
                    the papers' ablations, see `ParCNetV2Block`: one word for all stages, or one for each. The published
                    networks scale the shortcuts of stages 3 and 4.
    drop_path_rate  of the last block; the rates rise linearly from 0 over all blocks.

    Shapes: [B, in_chans, H, W] -> logits [B, num_classes]; pooled features [B, C4] with num_classes 0; and with
    global_pool "" the last map [B, C4, H/32, W/32].
    """

    authors_name = "ParCNetV2"

    def __init__(
        self,
        *,
        depths: tuple[int, ...],
        dims: tuple[int, ...],
        img_size: int | tuple[int, int] = 224,
        in_chans: int = 3,
        num_classes: int = 1000,
        global_pool: str = "avg",
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
        local_kernel: int = 7,
        expansion: float = 2.5,
        mix: Mix | tuple[Mix, ...] = "parallel",
        gate: Gate | tuple[Gate, ...] = "multiply",
        channel: ChannelMixer | tuple[ChannelMixer, ...] = "bgu",
        residual: Residual | tuple[Residual, ...] = NO_SCALE_THEN_RES_SCALE,
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
        count = len(dims)
        mixes: tuple[Mix, ...] = per_stage("mix", mix, count)
        gates: tuple[Gate, ...] = per_stage("gate", gate, count)
        channels: tuple[ChannelMixer, ...] = per_stage("channel", channel, count)
        residuals: tuple[Residual, ...] = per_stage("residual", residual, count)

        def block(stage: int, map_size: tuple[int, int], drop_path: float) -> nn.Module:
            return ParCNetV2Block(
                dims[stage],
                map_size,
                expansion=expansion,
                local_kernel=local_kernel,
                mix=mixes[stage],
                gate=gates[stage],
                channel=channels[stage],
                residual=residuals[stage],
                drop_path=drop_path,
                kernel_fit=kernel_fit,
                algorithm=algorithm,
            )

        stem = Stem(in_chans, dims[0])
        stages = uniform_stages(depths, dims, img_size, drop_path_rate, block)
        head = classifier_head(dims[-1], num_classes, global_pool, drop_rate)
        super().__init__(stem, stages, head, dims=dims, in_chans=in_chans, num_classes=num_classes, drop_rate=drop_rate)

    @torch.jit.ignore
    def map_sizes(self, img_size: int | tuple[int, int]) -> list[tuple[int, int]]:
        """The (H, W) of each stage's map for images of `img_size`."""
        return map_sizes(img_size, len(self.stages))


def uniform_stages(
    depths: tuple[int, ...],
    dims: tuple[int, ...],
    img_size: int | tuple[int, int],
    drop_path_rate: float,
    block: Callable[[int, tuple[int, int], float], nn.Module],
) -> list[Stage]:
    """Stages of `block(stage, map size, drop path)` after the papers' downsamples; drop path rises linearly from 0."""
    rates = calculate_drop_path_rates(drop_path_rate, list(depths), stagewise=True)
    stages = []
    for i, map_size in enumerate(map_sizes(img_size, len(dims))):
        blocks = [block(i, map_size, rate) for rate in rates[i]]
        stages.append(Stage(Downsample(dims[i - 1], dims[i]) if i else nn.Identity(), blocks))
    return stages


def map_sizes(img_size: int | tuple[int, int], stages: int = 4) -> list[tuple[int, int]]:
    """The (H, W) of each stage's map: 56, 28, 14, 7 for 224 px. Raises ValueError for anything but sides >= 3 px."""
    sizes = [stemmed(image_sides(img_size, 3))]
    while len(sizes) < stages:
        sizes.append(downsampled(sizes[-1]))
    return sizes


XT: dict[str, Any] = {"depths": (3, 3, 9, 2), "dims": (48, 96, 192, 320)}
"""The numbers of ParCNetV2-XT, which the ablations share."""

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
    """A ParCNetV2 of our own for 32 px images of ten classes, 0.43M parameters: `parcnet train` trains it in a minute.

    Its maps are 8, 4, 2 and 1 px: a block on the largest costs most, and width on the small ones next to nothing.
    """
    numbers = {"depths": (1, 1, 1, 1), "dims": (32, 64, 96, 96), "img_size": 32, "num_classes": 10}
    return create(ParCNetV2, "parcnetv2_digits", pretrained, kwargs, **numbers)
