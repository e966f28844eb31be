"""SLaK (arXiv 2207.03620) in its dense form: ConvNeXt, 1.3 times as wide, with kernels of 51x51 made of strips."""

from __future__ import annotations

from typing import Any, Unpack

from timm.models import generate_default_cfgs, register_model
from torch import nn

from parcnet.layers.init import init_projection
from parcnet.layers.parallel_depthwise import ParallelDepthwise
from parcnet.models.convnext import ConvNeXtArguments, ConvNeXtSkeleton
from parcnet.models.creation import create, default_cfg


class SLaK(ConvNeXtSkeleton):
    """ConvNeXt whose 7x7 is a Kx5 and a 5xK beside a 5x5, each with a batch norm.

    kernels         K of each stage; `small_kernel` is the 5.

    The paper trains with sparse weights, 40% of them zero at any time. Here they are dense: no mask is kept, and
    parameters and multiply-adds count every weight, where the paper's tables count those that are not zero.

    After training, timm.utils.reparameterize_model(model.eval()) gives a copy whose 5x5 are merged into the strips.

    The other arguments are those of `ConvNeXtSkeleton`. Shapes: as `StagedNetwork`; images of 3 px and more a side.
    """

    def __init__(
        self,
        *,
        depths: tuple[int, ...],
        dims: tuple[int, ...],
        kernels: tuple[int, ...] = (51, 49, 47, 13),
        small_kernel: int = 5,
        **shared: Unpack[ConvNeXtArguments],
    ) -> None:
        if len(kernels) != len(dims):
            raise ValueError(f"kernels {kernels} and dims {dims} need one entry a stage each")

        def token_mixer(stage: int, block: int) -> nn.Module:  # noqa: ARG001 - all blocks of a stage are alike
            large, small = kernels[stage], small_kernel
            strips = ParallelDepthwise(dims[stage], [(large, small), (small, large), (small, small)])
            for module in strips.modules():
                if isinstance(module, nn.Conv2d):
                    init_projection(module)
            return strips

        super().__init__(token_mixer, depths=depths, dims=dims, **shared)


def _cfg() -> dict[str, Any]:
    return default_cfg(
        paper_ids="arXiv:2207.03620",
        paper_name="More ConvNets in the 2020s: Scaling up Kernels Beyond 51x51 using Sparsity",
    )


default_cfgs = generate_default_cfgs({"slak_tiny": _cfg(), "slak_small": _cfg(), "slak_base": _cfg()})

_TINY_DIMS = (124, 249, 499, 998)  # 1.3 times ConvNeXt's 96, 192, 384, 768, rounded down
_BASE_DIMS = (166, 332, 665, 1331)  # of 128, 256, 512, 1024


@register_model
def slak_tiny(pretrained: bool = False, **kwargs: Any) -> SLaK:
    """SLaK-T, dense: 50.7M parameters, 8.7G MACs; ICCV 2023, Tab. 2, prints the 30M, 5.0G that are not zero."""
    return create(SLaK, "slak_tiny", pretrained, kwargs, depths=(3, 3, 9, 3), dims=_TINY_DIMS)


@register_model
def slak_small(pretrained: bool = False, **kwargs: Any) -> SLaK:
    """SLaK-S, dense: 91.1M parameters, 16.6G MACs; ICCV 2023, Tab. 2, prints the 55M, 9.8G that are not zero."""
    return create(SLaK, "slak_small", pretrained, kwargs, depths=(3, 3, 27, 3), dims=_TINY_DIMS)


@register_model
def slak_base(pretrained: bool = False, **kwargs: Any) -> SLaK:
    """SLaK-B, dense: 158M parameters, 28.5G MACs; ICCV 2023, Tab. 2, prints the 95M, 17.1G that are not zero."""
    return create(SLaK, "slak_base", pretrained, kwargs, depths=(3, 3, 27, 3), dims=_BASE_DIMS)
