"""The stem, of stride 4, and the downsampling between stages, of stride 2."""

from timm.layers.trace_utils import _assert
from torch import Tensor, nn

from parcnet.layers.init import init_projection
from parcnet.layers.norm import BiasFreeLayerNorm2d
from parcnet.ops.layout import laid_out


class Stem(nn.Module):
    """7x7 convolution, stride 4, padding 2, with bias; then the norm. Converts the input to channels_last memory.

    Shapes: [B, in_chans, H, W] -> [B, C, (H+1)//4, (W+1)//4]; H and W at least 3.
    """

    def __init__(self, in_chans: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_chans, channels, 7, stride=4, padding=2)
        self.norm = BiasFreeLayerNorm2d(channels)
        init_projection(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        _assert(x.shape[2] >= 3, f"the image is {x.shape[2]} px high: the stem, which divides by 4, needs at least 3")
        _assert(x.shape[3] >= 3, f"the image is {x.shape[3]} px wide: the stem, which divides by 4, needs at least 3")
        return self.norm(self.conv(laid_out(x, channels_last=True)))


class Downsample(nn.Module):
    """Norm, then a dense 3x3 convolution, stride 2, padding 1, with bias.

    Shapes: [B, C, H, W] -> [B, C', (H+1)//2, (W+1)//2].
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.norm = BiasFreeLayerNorm2d(in_channels)
        self.conv = nn.Conv2d(in_channels, channels, 3, stride=2, padding=1)
        init_projection(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(x))


def stemmed(size: tuple[int, int]) -> tuple[int, int]:
    """Size of the stem's map for an image of `size` (H, W)."""
    return (size[0] + 1) // 4, (size[1] + 1) // 4


def downsampled(size: tuple[int, int]) -> tuple[int, int]:
    """Size (H, W) of the map after `Downsample` for a map of `size`."""
    return (size[0] + 1) // 2, (size[1] + 1) // 2
