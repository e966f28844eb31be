"""ParCNetV2 as described in arXiv 2211.07157v1: channels split between local and oversized convolutions."""

from __future__ import annotations

from typing import Any, Unpack

from timm.models import generate_default_cfgs, register_model
from torch import nn

from parcnet.layers import ChannelBGU, Downsample, FeedForward, ResidualBlock, Stem
from parcnet.layers.block import FFN_OVER_BGU
from parcnet.layers.options import ChannelMixer, Residual, check_option
from parcnet.layers.split_spatial_bgu import SplitGate, SplitSpatialBGU
from parcnet.models.creation import create, default_cfg
from parcnet.models.map_sizes import map_sizes
from parcnet.models.staged import NetworkStage, SharedArguments, StagedNetwork, per_stage


class ParCNetV2ArXiv(StagedNetwork):
    """Stem, four stages of blocks with `SplitSpatialBGU` and `ChannelBGU`, head (arXiv v1, Sec. 3).

    ratio           r: the fraction of channels with oversized convolutions, one for all stages or one for each.
    gate, channel   "none" and "ffn" are the row without bifurcate gate units (Tab. 1 row 4).
    residual        "layer_scale" as in the text, with initial value `layer_scale`.

    The text does not specify the stem, the downsampling, the norms, the local kernels' lengths, the biases and
    LayerScale's initial value. Here the first three are those of the ICCV network, the local kernels have 7 taps, every
    pointwise convolution and no other has a bias, and LayerScale starts at 1e-2. The counts differ from the printed
    ones, see each size.

    The other arguments and the shapes are those of `ParCNetV2`.
    """

    def __init__(
        self,
        *,
        depths: tuple[int, ...],
        dims: tuple[int, ...],
        ratio: float | tuple[float, ...] = (0.25, 0.5, 0.75, 1.0),
        img_size: int | tuple[int, int] = 224,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
        local_kernel: int = 7,
        expansion: float = 2.5,
        gate: SplitGate = "multiply",
        channel: ChannelMixer = "bgu",
        residual: Residual = "layer_scale",
        layer_scale: float = 1e-2,
        **shared: Unpack[SharedArguments],
    ) -> None:
        check_option("channel", channel, ChannelMixer)
        sizes = map_sizes(img_size, len(dims))
        ratios: tuple[float, ...] = per_stage("ratio", ratio, len(dims))

        def block(i: int, drop_path: float) -> nn.Module:
            spatial = SplitSpatialBGU(
                dims[i],
                sizes[i],
                ratio=ratios[i],
                gate=gate,
                local_kernel=local_kernel,
                kernel_fit=kernel_fit,
                algorithm=algorithm,
            )
            mixer: nn.Module
            if channel == "ffn":
                mixer = FeedForward(dims[i], expansion=FFN_OVER_BGU * expansion)
            else:
                mixer = ChannelBGU(dims[i], expansion=expansion, out_bias=True)
            return ResidualBlock(
                dims[i], spatial, mixer, residual=residual, layer_scale=layer_scale, drop_path=drop_path
            )

        def stage(i: int, drop_paths: list[float]) -> NetworkStage:
            blocks = [block(i, drop_path) for drop_path in drop_paths]
            return NetworkStage(Downsample(dims[i - 1], dims[i]) if i else nn.Identity(), blocks)

        super().__init__(Stem, stage, depths=depths, dims=dims, stem_first=True, **shared)


_10M: dict[str, Any] = {"depths": (3, 3, 9, 3), "dims": (48, 96, 192, 384)}
_26M: dict[str, Any] = {"depths": (3, 3, 12, 3), "dims": (64, 128, 320, 512)}

default_cfgs = generate_default_cfgs(
    {
        "parcnetv2_10m": default_cfg(),
        "parcnetv2_26m": default_cfg(),
        "parcnetv2_10m_no_oversized": default_cfg(),
        "parcnetv2_10m_no_bgu": default_cfg(),
        "parcnetv2_10m_same_ratio": default_cfg(),
    }
)


@register_model
def parcnetv2_10m(pretrained: bool = False, **kwargs: Any) -> ParCNetV2ArXiv:
    """ParCNetV2-10M: 10.09M parameters, 1.60G MACs by count; 9.7M printed (arXiv v1, Tab. 1 row 2)."""
    return create(ParCNetV2ArXiv, "parcnetv2_10m", pretrained, kwargs, **_10M)


@register_model
def parcnetv2_26m(pretrained: bool = False, **kwargs: Any) -> ParCNetV2ArXiv:
    """ParCNetV2-26M: 24.86M parameters, 4.15G MACs by count; 25.6M and 4.8G printed (arXiv v1, Tabs. 2 and 3)."""
    return create(ParCNetV2ArXiv, "parcnetv2_26m", pretrained, kwargs, **_26M)


@register_model
def parcnetv2_10m_no_oversized(pretrained: bool = False, **kwargs: Any) -> ParCNetV2ArXiv:
    """Without oversized convolutions, r = 0: 10.01M parameters by count, 9.6M printed (arXiv v1, Tab. 1 row 3)."""
    return create(ParCNetV2ArXiv, "parcnetv2_10m_no_oversized", pretrained, kwargs, **_10M, ratio=0.0)


@register_model
def parcnetv2_10m_no_bgu(pretrained: bool = False, **kwargs: Any) -> ParCNetV2ArXiv:
    """Without bifurcate gate units: 10.09M parameters by count, 9.7M printed (arXiv v1, Tab. 1 row 4)."""
    return create(ParCNetV2ArXiv, "parcnetv2_10m_no_bgu", pretrained, kwargs, **_10M, gate="none", channel="ffn")


@register_model
def parcnetv2_10m_same_ratio(pretrained: bool = False, **kwargs: Any) -> ParCNetV2ArXiv:
    """The same r in all stages: 10.08M parameters by count, 9.6M printed (arXiv v1, Tab. 1 row 5).

    Which r is not printed: 0.5 is our choice.
    """
    return create(ParCNetV2ArXiv, "parcnetv2_10m_same_ratio", pretrained, kwargs, **_10M, ratio=0.5)
