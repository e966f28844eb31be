"""The block that the whole network is made of."""

from timm.layers import DropPath
from torch import Tensor, nn

from parcnet.layers.channel_bgu import ChannelBGU
from parcnet.layers.norm import BiasFreeLayerNorm2d
from parcnet.layers.res_scale import ResScale
from parcnet.layers.spatial_bgu import SpatialBGU


class ParCNetV2Block(nn.Module):
    """Spatial, then channel mixing, each normed before and added to a shortcut (ICCV 2023, Fig. 3d).

        x = res_scale1(x) + drop_path(SpatialBGU(norm1(x)))
        x = res_scale2(x) + drop_path(ChannelBGU(norm2(x)))

    Shapes: [B, C, H, W] -> [B, C, H, W]; `map_size` is the (H, W) that the oversized kernels are made for.
    """

    def __init__(
        self,
        channels: int,
        map_size: int | tuple[int, int],
        *,
        expansion: float = 2.5,
        local_kernel: int = 7,
        res_scale: bool = False,
        drop_path: float = 0.0,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
    ) -> None:
        super().__init__()
        self.norm1 = BiasFreeLayerNorm2d(channels)
        self.spatial = SpatialBGU(
            channels, map_size, local_kernel=local_kernel, kernel_fit=kernel_fit, algorithm=algorithm
        )
        self.res_scale1 = ResScale(channels) if res_scale else nn.Identity()
        self.drop_path1 = DropPath(drop_path) if drop_path else nn.Identity()
        self.norm2 = BiasFreeLayerNorm2d(channels)
        self.channel = ChannelBGU(channels, expansion=expansion)
        self.res_scale2 = ResScale(channels) if res_scale else nn.Identity()
        self.drop_path2 = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.res_scale1(x) + self.drop_path1(self.spatial(self.norm1(x)))
        return self.res_scale2(x) + self.drop_path2(self.channel(self.norm2(x)))
