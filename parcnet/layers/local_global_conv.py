"""The uniform local-global convolution."""

from torch import Tensor, nn

from parcnet.layers.oversized_conv import OversizedConv2d


class LocalGlobalConv(nn.Module):
    """A local depthwise convolution and an oversized one, side by side, added (ICCV 2023, Sec. 3.3).

        y = DWConv_7x7(x) + ParC-O-W(ParC-O-H(x))

    The formula of the paper has a pointwise convolution after the sum; its text, its Fig. 3, its counts and its code
    have one before, which belongs to `SpatialBGU`. Neither part has a bias.

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(
        self,
        channels: int,
        map_size: int | tuple[int, int],
        *,
        local_kernel: int = 7,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
    ) -> None:
        super().__init__()
        if local_kernel < 1 or local_kernel % 2 == 0:
            raise ValueError(f"local_kernel must be odd, got {local_kernel}: an even kernel has no centre tap")
        self.local = nn.Conv2d(channels, channels, local_kernel, padding=local_kernel // 2, groups=channels, bias=False)
        self.oversized = OversizedConv2d(channels, map_size, kernel_fit=kernel_fit, algorithm=algorithm)
        nn.init.trunc_normal_(self.local.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return self.local(x) + self.oversized(x)
