"""ConvNeXt's stem and downsampling: convolutions over non-overlapping patches."""

import torch.fx
from timm.layers import LayerNorm2d
from timm.layers.trace_utils import _assert
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.layers.init import init_projection
from parcnet.ops.layout import laid_out


@torch.fx.wrap  # one node of a traced graph: the padding depends on the map's size
def complete_patches(x: Tensor, patch: int) -> Tensor:
    """`x` [B, C, H, W] padded with one row or column of zeros where that completes a last patch."""
    below, beside = int(x.shape[2] % patch == patch - 1), int(x.shape[3] % patch == patch - 1)
    return F.pad(x, [0, beside, 0, below]) if below + beside > 0 else x


class PatchStem(nn.Module):
    """4x4 convolution, stride 4, with bias; then LayerNorm. Converts the input to channels_last memory.

    ConvNeXt drops the rows and columns of an incomplete patch; here a patch that lacks one is completed with zeros, so
    that maps have the size of those of `Stem`. At multiples of 4 px there is no difference.

    Shapes: [B, in_chans, H, W] -> [B, C, (H+1)//4, (W+1)//4]; H and W at least 3.
    """

    def __init__(self, in_chans: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_chans, channels, 4, stride=4)
        self.norm = LayerNorm2d(channels, eps=1e-6)
        init_projection(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        _assert(x.shape[2] >= 3, f"the image is {x.shape[2]} px high: the stem, which divides by 4, needs at least 3")
        _assert(x.shape[3] >= 3, f"the image is {x.shape[3]} px wide: the stem, which divides by 4, needs at least 3")
        return self.norm(self.conv(complete_patches(laid_out(x, channels_last=True), 4)))


class PatchDownsample(nn.Module):
    """LayerNorm, then a 2x2 convolution, stride 2, with bias; an odd side is padded with zeros.

    Shapes: [B, C, H, W] -> [B, C', (H+1)//2, (W+1)//2].
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.norm = LayerNorm2d(in_channels, eps=1e-6)
        self.conv = nn.Conv2d(in_channels, channels, 2, stride=2)
        init_projection(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(complete_patches(self.norm(x), 2))
