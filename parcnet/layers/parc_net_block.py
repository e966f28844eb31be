"""The blocks of ParC-Net, convolutions in place of MobileViT's transformers."""

from collections import OrderedDict

import torch
from timm.layers import DropPath
from torch import Tensor, nn

from parcnet.layers.inverted_residual import conv_norm
from parcnet.layers.parc import ParCBothWays


class ChannelAttention(nn.Module):
    """Squeeze-and-excitation: x * hardsigmoid(W_2 hardswish(W_1 mean(x))), each matrix followed by a batch norm.

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(self, channels: int, *, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.squeeze = conv_norm(channels, hidden, 1, activation=False)
        self.excite = conv_norm(hidden, channels, 1, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = nn.functional.hardswish(self.squeeze(x.mean((2, 3), keepdim=True)))
        return x * nn.functional.hardsigmoid(self.excite(squeezed))


class ParCNetBlock(nn.Module):
    """Circular convolutions, then a feed-forward network under channel attention (arXiv 2203.03952, Fig. 3).

        x = x + drop_path(ParCBothWays(x))
        x = x + drop_path(attention(W_out hardswish(W_in norm(x) + b_in) + b_out))

    The hidden width is `expansion` * C; the norm is a batch norm; `dropout` applies to the output of W_out.

    Shapes: [B, C, H, W] -> [B, C, H, W]; the (H, W) of `map_size` give the lengths of kernels and embeddings.
    """

    def __init__(
        self,
        channels: int,
        map_size: int | tuple[int, int],
        *,
        position: bool,
        expansion: int = 2,
        dropout: float = 0.1,
        drop_path: float = 0.0,
        algorithm: str = "auto",
    ) -> None:
        super().__init__()
        project_in = nn.Conv2d(channels, expansion * channels, 1)
        project_out = nn.Conv2d(expansion * channels, channels, 1)
        self.spatial = ParCBothWays(channels, map_size, position=position, algorithm=algorithm)
        self.channel = nn.Sequential(
            OrderedDict(
                norm=nn.BatchNorm2d(channels),
                project_in=project_in,
                act=nn.Hardswish(),
                project_out=project_out,
                dropout=nn.Dropout(dropout),
            )
        )
        self.attention = ChannelAttention(channels)
        self.drop_path1 = DropPath(drop_path) if drop_path else nn.Identity()
        self.drop_path2 = DropPath(drop_path) if drop_path else nn.Identity()
        for layer in (project_in, project_out):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path1(self.spatial(x))
        return x + self.drop_path2(self.attention(self.channel(x)))


class ParCFrame(nn.Module):
    """The blocks of one stage at twice the width, fused with the stage's input (arXiv 2203.03952, Fig. 4).

        y = narrow(norm(blocks(mix(widen(x)))))      fuse(concat(y, x))

    widen     3x3, C -> 2C, in C groups of one input each; norm and SiLU.
    mix       1x1, dense, without bias and norm.
    narrow    1x1, 2C -> C, in C groups of two inputs each; norm and SiLU.
    fuse      3x3, 2C -> C, dense; norm and SiLU.

    Only the first block has position embeddings.

    Shapes: [B, C, H, W] -> [B, C, H, W]; the (H, W) of `map_size` give the lengths of kernels and embeddings.
    """

    def __init__(
        self,
        channels: int,
        map_size: int | tuple[int, int],
        depth: int,
        *,
        drop_paths: list[float],
        algorithm: str = "auto",
    ) -> None:
        super().__init__()
        width = 2 * channels
        self.widen = conv_norm(channels, width, 3, groups=channels)
        self.mix = nn.Conv2d(width, width, 1, bias=False)
        self.blocks = nn.Sequential(
            *(
                ParCNetBlock(width, map_size, position=i == 0, drop_path=drop_paths[i], algorithm=algorithm)
                for i in range(depth)
            )
        )
        self.norm = nn.BatchNorm2d(width)
        self.narrow = conv_norm(width, channels, 1, groups=channels)
        self.fuse = conv_norm(width, channels, 3)
        nn.init.kaiming_normal_(self.mix.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        y = self.narrow(self.norm(self.blocks(self.mix(self.widen(x)))))
        return self.fuse(torch.cat([y, x], dim=1))
