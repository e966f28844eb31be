"""ParC-ConvNeXt, the four-stage ParCNetV1 (arXiv 2203.03952): ConvNeXt with global last blocks."""

from __future__ import annotations

from typing import Any, Unpack

from timm.models import generate_default_cfgs, register_model
from torch import nn

from parcnet.layers import ParC
from parcnet.layers.init import init_projection
from parcnet.layers.local_global_conv import depthwise_conv
from parcnet.models.convnext import ConvNeXtArguments, ConvNeXtSkeleton
from parcnet.models.creation import create, default_cfg
from parcnet.models.map_sizes import map_sizes


class ParCConvNeXt(ConvNeXtSkeleton):
    """ConvNeXt with `ParC` in place of the 7x7 in the last blocks of its late stages.

    parc_blocks     how many blocks at the end of each stage have it; all blocks of a shorter stage.
    img_size        (H, W) in px, or one number; fixes the lengths of circular kernels and position embeddings. Images
                    of any other size and aspect ratio work: both are interpolated on each call. The authors' code
                    needs square images.

    The other arguments are those of `ConvNeXtSkeleton`. Shapes: as `StagedNetwork`; images of 3 px and more a side.
    """

    authors_name = "ParC-ConvNeXt"

    def __init__(
        self,
        *,
        depths: tuple[int, ...],
        dims: tuple[int, ...],
        parc_blocks: tuple[int, ...] = (0, 0, 3, 1),
        img_size: int | tuple[int, int] = 224,
        algorithm: str = "auto",
        **shared: Unpack[ConvNeXtArguments],
    ) -> None:
        if len(parc_blocks) != len(depths) or min(parc_blocks) < 0:
            raise ValueError(f"parc_blocks {parc_blocks} need one number a stage, at least 0, for depths {depths}")

        sizes = map_sizes(img_size, len(dims))

        def token_mixer(stage: int, block: int) -> nn.Module:
            if block >= depths[stage] - parc_blocks[stage]:
                return ParC(dims[stage], sizes[stage], algorithm=algorithm)
            local = depthwise_conv(dims[stage], 7, bias=True)
            init_projection(local)
            return local

        super().__init__(token_mixer, depths=depths, dims=dims, **shared)


def _cfg() -> dict[str, Any]:
    return default_cfg(
        paper_ids="arXiv:2203.03952",
        paper_name="ParC-Net: Position Aware Circular Convolution with Merits from ConvNets and Transformer",
    )


default_cfgs = generate_default_cfgs({"parc_convnext_xt": _cfg(), "parc_convnext_tiny": _cfg()})


@register_model
def parc_convnext_xt(pretrained: bool = False, **kwargs: Any) -> ParCConvNeXt:
    """ParC-ConvNeXt-T (0.5W): 7.4M parameters, 1.1G MACs, ParCNetV2-XT's counterpart (ICCV 2023, Tab. 2)."""
    return create(ParCConvNeXt, "parc_convnext_xt", pretrained, kwargs, depths=(3, 3, 9, 3), dims=(48, 96, 192, 384))


@register_model
def parc_convnext_tiny(pretrained: bool = False, **kwargs: Any) -> ParCConvNeXt:
    """ParC-ConvNeXt-T at full width: 28.5M parameters, 4.4G MACs (28.54M and 4.446G by count).

    The nearest there is to ParCNetV1-27M (26.6M and 4.5G, printed as 27 and 4.5 in ICCV 2023, Tab. 2), whose
    configuration is not public. It is not that network.
    """
    return create(ParCConvNeXt, "parc_convnext_tiny", pretrained, kwargs, depths=(3, 3, 9, 3), dims=(96, 192, 384, 768))
