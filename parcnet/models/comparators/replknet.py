"""RepLKNet (arXiv 2203.06717): depthwise kernels of up to 31x31 beside small ones."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Unpack

import torch
from timm.layers import DropPath
from timm.models import generate_default_cfgs, register_model
from torch import Tensor, nn

from parcnet.layers.parallel_depthwise import ParallelDepthwise
from parcnet.models.creation import create, default_cfg
from parcnet.models.heads import PreparedHead
from parcnet.models.map_sizes import map_sizes_rounded_up
from parcnet.models.staged import NetworkStage, SharedArguments, StagedNetwork
from parcnet.ops.layout import laid_out


def _conv(
    in_channels: int,
    channels: int,
    kernel_size: int = 1,
    *,
    stride: int = 1,
    depthwise: bool = False,
    act: type[nn.Module] | None = nn.ReLU,
) -> nn.Sequential:
    """Convolution without bias, batch norm, activation; torch's default initialisation, as in the authors' code."""
    groups = in_channels if depthwise else 1
    conv = nn.Conv2d(in_channels, channels, kernel_size, stride, kernel_size // 2, groups=groups, bias=False)
    parts: dict[str, nn.Module] = {"conv": conv, "norm": nn.BatchNorm2d(channels)}
    if act is not None:
        parts["act"] = act()
    return nn.Sequential(OrderedDict(parts))


class RepLKNetStem(nn.Module):
    """3x3 of stride 2, 3x3 depthwise, 1x1, 3x3 depthwise of stride 2, each with norm and ReLU (Sec. 4.1).

    Turns the input to channels_last memory. Shapes: [B, in_chans, H, W] -> [B, C, H/4, W/4], sides rounded up.
    """

    def __init__(self, in_chans: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_chans, channels, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.ReLU()
        self.depthwise = _conv(channels, channels, 3, depthwise=True)
        self.pointwise = _conv(channels, channels)
        self.strided = _conv(channels, channels, 3, stride=2, depthwise=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm(self.conv(laid_out(x, channels_last=True))))
        return self.strided(self.pointwise(self.depthwise(x)))


class RepLKNetBlock(nn.Module):
    """Large-kernel mixing, then a feed-forward network, each normed before and after (Sec. 4.1 and Fig. 4).

        x = x + drop_path(norm(W_2 relu(large(relu(norm(W_1 norm(x)))))))
        x = x + drop_path(norm(W_4 gelu(norm(W_3 norm(x)))))

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(self, channels: int, kernel: int, small_kernel: int, *, expansion: int, drop_path: float) -> None:
        super().__init__()
        sizes = [(kernel, kernel), (small_kernel, small_kernel)]
        self.spatial = nn.Sequential(
            OrderedDict(
                norm=nn.BatchNorm2d(channels),
                project_in=_conv(channels, channels),
                large=ParallelDepthwise(channels, sizes),
                act=nn.ReLU(),
                project_out=_conv(channels, channels, act=None),
            )
        )
        self.channel = nn.Sequential(
            OrderedDict(
                norm=nn.BatchNorm2d(channels),
                project_in=_conv(channels, expansion * channels, act=nn.GELU),
                project_out=_conv(expansion * channels, channels, act=None),
            )
        )
        self.drop_path1 = DropPath(drop_path) if drop_path else nn.Identity()
        self.drop_path2 = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path1(self.spatial(x))
        return x + self.drop_path2(self.channel(x))


class RepLKNet(StagedNetwork):
    """Stem, four stages of `RepLKNetBlock`, head: batch norm, global mean, linear.

    kernels         side of each stage's large kernel; `small_kernel` that of the parallel one.

    After training, timm.utils.reparameterize_model(model.eval()) gives a copy whose small kernels are merged.

    The other arguments and the shapes are those of `StagedNetwork`; images of any size, whose odd sides every stride
    rounds up.
    """

    def __init__(
        self,
        *,
        depths: tuple[int, ...],
        dims: tuple[int, ...],
        kernels: tuple[int, ...] = (31, 29, 27, 13),
        small_kernel: int = 5,
        expansion: int = 4,
        **shared: Unpack[SharedArguments],
    ) -> None:
        if len(kernels) != len(dims):
            raise ValueError(f"kernels {kernels} and dims {dims} need one entry a stage each")

        def stage(i: int, drop_paths: list[float]) -> NetworkStage:
            downsample: nn.Module = nn.Identity()
            if i:
                widen = _conv(dims[i - 1], dims[i])
                downsample = nn.Sequential(widen, _conv(dims[i], dims[i], 3, stride=2, depthwise=True))
            blocks = [
                RepLKNetBlock(dims[i], kernels[i], small_kernel, expansion=expansion, drop_path=drop_path)
                for drop_path in drop_paths
            ]
            return NetworkStage(downsample, blocks)

        def head(channels: int, num_classes: int, global_pool: str, drop_rate: float) -> nn.Module:
            return PreparedHead(nn.BatchNorm2d(channels), channels, num_classes, global_pool, drop_rate)

        super().__init__(RepLKNetStem, stage, head, depths=depths, dims=dims, **shared)

    @torch.jit.ignore
    def map_sizes(self, img_size: int | tuple[int, int]) -> list[tuple[int, int]]:
        """The (H, W) of each stage's map for images of `img_size`."""
        return map_sizes_rounded_up(img_size, len(self.stages))


default_cfgs = generate_default_cfgs(
    {
        "replknet_31b": default_cfg(
            paper_ids="arXiv:2203.06717",
            paper_name="Scaling Up Your Kernels to 31x31: Revisiting Large Kernel Design in CNNs",
        )
    }
)


@register_model
def replknet_31b(pretrained: bool = False, **kwargs: Any) -> RepLKNet:
    """RepLKNet-31B: 79.9M parameters, 15.4G MACs as published; 79.5M and 15.4G merged (ICCV 2023, Tab. 2: 79, 15.3)."""
    numbers = {"depths": (2, 2, 18, 2), "dims": (128, 256, 512, 1024)}
    return create(RepLKNet, "replknet_31b", pretrained, kwargs, **numbers)
