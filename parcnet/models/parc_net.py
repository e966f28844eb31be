"""ParC-Net (arXiv 2203.03952), the first ParCNetV1: MobileNetV2's blocks early, circular convolutions late."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from timm.models import generate_default_cfgs, register_model
from torch import Tensor, nn

from parcnet.layers.inverted_residual import InvertedResidual, conv_norm
from parcnet.layers.parc_net_block import ParCFrame
from parcnet.models.creation import create, default_cfg
from parcnet.models.heads import PreparedHead
from parcnet.models.map_sizes import map_sizes_rounded_up
from parcnet.models.staged import NetworkStage, SharedArguments, StagedNetwork, check_depths_and_dims
from parcnet.ops.layout import laid_out


class ParCNetStem(nn.Module):
    """3x3 convolution, stride 2, norm, SiLU; then one inverted residual. Turns the input to channels_last memory.

    Shapes: [B, in_chans, H, W] -> [B, 2C, (H+1)//2, (W+1)//2].
    """

    def __init__(self, in_chans: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_chans, channels, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.SiLU()
        self.block = InvertedResidual(channels, 2 * channels)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        return self.block(self.act(self.norm(self.conv(laid_out(x, channels_last=True)))))


class ParCNet(StagedNetwork):
    """A stem of stride 2; a stage of inverted residuals; three stages of an inverted residual and a `ParCFrame`.

    depths          inverted residuals after the first stage's strided one; blocks within each frame.
    dims            channels of each stage's map; inside a frame twice as many, in its feed-forward networks four times.
    img_size        (H, W) in px, or one number; fixes the lengths of circular kernels and position embeddings. Images
                    of any other size and aspect ratio work: both are interpolated on each call. The authors' code
                    needs square images.
    drop_rate       0.2 by default, as in the authors' code. The other arguments are those of `StagedNetwork`.

    The features of strides 4 to 32 are the stages' maps. An odd side is rounded up by each of the five strides, so
    these maps may be one line larger than those of ParCNetV2. The expanding 1x1 before the classifier belongs to
    the head.

    Shapes: as `StagedNetwork`, pooled features [B, 4 C4]; images of any size.
    """

    authors_name = "ParC-Net"

    def __init__(
        self,
        *,
        depths: tuple[int, ...],
        dims: tuple[int, ...],
        stem_width: int = 16,
        img_size: int | tuple[int, int] = 256,
        algorithm: str = "auto",
        **shared: Unpack[SharedArguments],
    ) -> None:
        check_depths_and_dims(depths, dims)
        sizes = map_sizes_rounded_up(img_size, len(dims))
        widths = (2 * stem_width, *dims)
        expanded = 4 * dims[-1]
        expand = conv_norm(dims[-1], expanded, 1)

        def stage(i: int, drop_paths: list[float]) -> NetworkStage:
            blocks: list[nn.Module]
            if i == 0:
                blocks = [InvertedResidual(dims[i], dims[i], drop_path=drop_path) for drop_path in drop_paths]
            else:
                blocks = [ParCFrame(dims[i], sizes[i], depths[i], drop_paths=drop_paths, algorithm=algorithm)]
            return NetworkStage(InvertedResidual(widths[i], dims[i], stride=2), blocks)

        def stem(in_chans: int, channels: int) -> nn.Module:  # noqa: ARG001 - half of its own width, not of the stage's
            return ParCNetStem(in_chans, stem_width)

        def head(channels: int, num_classes: int, global_pool: str, drop_rate: float) -> nn.Module:  # noqa: ARG001
            return PreparedHead(expand, expanded, num_classes, global_pool, drop_rate)

        shared.setdefault("drop_rate", 0.2)
        super().__init__(stem, stage, head, depths=depths, dims=dims, **shared)
        self.head_hidden_size = expanded

    @torch.jit.ignore
    def map_sizes(self, img_size: int | tuple[int, int]) -> list[tuple[int, int]]:
        """The (H, W) of each stage's map for images of `img_size`."""
        return map_sizes_rounded_up(img_size, len(self.stages))


default_cfgs = generate_default_cfgs(
    {
        "parcnet_s": default_cfg(
            input_size=(3, 256, 256),
            pool_size=(8, 8),
            crop_pct=256 / 288,
            interpolation="bilinear",
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            paper_ids="arXiv:2203.03952",
            paper_name="ParC-Net: Position Aware Circular Convolution with Merits from ConvNets and Transformer",
        )
    }
)


@register_model
def parcnet_s(pretrained: bool = False, **kwargs: Any) -> ParCNet:
    """ParC-Net-S: 5.0M parameters, 1.7G MACs at 256 px (ICCV 2023, Tab. 2, prints 3.5: two for each).

    Preprocessing: a 256 px crop of 288 px as in the authors' code; values from 0 to 1 without normalisation are our
    reading of its code base, not verified on a checkpoint.
    """
    return create(ParCNet, "parcnet_s", pretrained, kwargs, depths=(2, 2, 4, 3), dims=(64, 96, 128, 160))
