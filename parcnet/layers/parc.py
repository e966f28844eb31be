"""The token mixers of ParCNetV1: circular convolutions along both axes."""

from collections import OrderedDict

import torch
from timm.layers import to_2tuple
from torch import Tensor, nn

from parcnet.layers.circular_conv import CircularConv1d
from parcnet.layers.line_embedding import LineEmbedding
from parcnet.layers.oversized_conv1d import Axis


class ParC(nn.Module):
    """Half of the channels circular along the height, the other half along the width (arXiv 2203.03952, Sec. 3.1).

        y = concat(circular_h(x[:C/2] + position_h), circular_w(x[C/2:] + position_w))

    Each output depends on its whole column or row. The mixer of ParC-ConvNeXt; convolutions have biases.

    Shapes: [B, C, H, W] -> [B, C, H, W]; the (H, W) of `map_size` give the lengths of kernels and embeddings.
    """

    def __init__(
        self, channels: int, map_size: int | tuple[int, int], *, position: bool = True, algorithm: str = "auto"
    ) -> None:
        super().__init__()
        first, second = _halves(channels)
        height, width = to_2tuple(map_size)
        self.vertical_position = LineEmbedding(first, height, "h") if position else nn.Identity()
        self.vertical = CircularConv1d(first, height, "h", algorithm=algorithm)
        self.horizontal_position = LineEmbedding(second, width, "w") if position else nn.Identity()
        self.horizontal = CircularConv1d(second, width, "w", algorithm=algorithm)

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=1)
        vertical = self.vertical(self.vertical_position(first))
        horizontal = self.horizontal(self.horizontal_position(second))
        return torch.cat([vertical, horizontal], dim=1)


class ParCBothWays(nn.Module):
    """Half of the channels circular along the height, then the width; the other half in the other order.

        y = concat(circular_w(circular_h(norm(x[:C/2]))), circular_h(circular_w(norm(x[C/2:]))))

    Each output depends on the whole map. The mixer of ParC-Net (arXiv 2203.03952, Fig. 3): the norms are batch norms,
    the convolutions have no bias, and embeddings, with `position`, are added before the norm and between the two
    convolutions. Without embeddings the two orders are equal (ICCV 2023, supplement B). As in the authors' code,
    kernels of K taps are initialised uniformly within 1/sqrt(K), embeddings as standard normal.

    Shapes: [B, C, H, W] -> [B, C, H, W]; the (H, W) of `map_size` give the lengths of kernels and embeddings.
    """

    def __init__(
        self, channels: int, map_size: int | tuple[int, int], *, position: bool = True, algorithm: str = "auto"
    ) -> None:
        super().__init__()
        first, second = _halves(channels)
        self.vertical_first = _both_ways(first, to_2tuple(map_size), ("h", "w"), position, algorithm)
        self.horizontal_first = _both_ways(second, to_2tuple(map_size), ("w", "h"), position, algorithm)

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=1)
        return torch.cat([self.vertical_first(first), self.horizontal_first(second)], dim=1)


def _both_ways(
    channels: int, map_size: tuple[int, int], axes: tuple[Axis, Axis], position: bool, algorithm: str
) -> nn.Sequential:
    first, second = axes
    sides = {"h": map_size[0], "w": map_size[1]}
    parts = nn.Sequential(
        OrderedDict(
            position1=LineEmbedding(channels, sides[first], first) if position else nn.Identity(),
            norm=nn.BatchNorm2d(channels),
            circular1=CircularConv1d(channels, sides[first], first, bias=False, algorithm=algorithm),
            position2=LineEmbedding(channels, sides[second], second) if position else nn.Identity(),
            circular2=CircularConv1d(channels, sides[second], second, bias=False, algorithm=algorithm),
        )
    )
    for part in parts:
        if isinstance(part, CircularConv1d):
            bound = part.kernel.shape[1] ** -0.5
            nn.init.uniform_(part.kernel, -bound, bound)
        elif isinstance(part, LineEmbedding):
            nn.init.normal_(part.weight)
    return parts


def _halves(channels: int) -> tuple[int, int]:
    if channels < 2:
        raise ValueError(f"channels must be at least 2, one for each half, got {channels}")
    return channels - channels // 2, channels // 2
