"""The uniform local-global convolution."""

from timm.layers import to_2tuple
from torch import Tensor, nn

from parcnet.layers.init import init_projection
from parcnet.layers.oversized_conv import OversizedConv2d


def depthwise_conv(channels: int, kernel_size: int | tuple[int, int], *, bias: bool = False) -> nn.Conv2d:
    """A depthwise convolution with "same" padding and a kernel of odd sides, left for the caller to initialise."""
    height, width = to_2tuple(kernel_size)
    if min(height, width) < 1 or height % 2 == 0 or width % 2 == 0:
        raise ValueError(f"a local kernel must be odd, got {kernel_size}: an even kernel has no centre tap")
    padding = (height // 2, width // 2)
    return nn.Conv2d(channels, channels, (height, width), padding=padding, groups=channels, bias=bias)


class LocalGlobalConv(nn.Module):
    """The sum of a local depthwise convolution and an oversized one (ICCV 2023, Sec. 3.3).

        y = DWConv_7x7(x) + ParC-O-W(ParC-O-H(x))

    The formula of the paper has a pointwise convolution after the sum; its text, Fig. 3, counts and code have it
    before, where it belongs to `SpatialBGU`. Neither part has a bias, except with `local_bias` (ConvNeXt's 7x7).

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(
        self,
        channels: int,
        map_size: int | tuple[int, int],
        *,
        local_kernel: int = 7,
        local_bias: bool = False,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
    ) -> None:
        super().__init__()
        self.local = depthwise_conv(channels, local_kernel, bias=local_bias)
        self.oversized = OversizedConv2d(channels, map_size, kernel_fit=kernel_fit, algorithm=algorithm)
        init_projection(self.local)

    def forward(self, x: Tensor) -> Tensor:
        return self.local(x) + self.oversized(x)
