"""The residual block of ParCNetV2."""

from timm.layers import DropPath, LayerScale2d
from torch import Tensor, nn

from parcnet.layers.channel_bgu import ChannelBGU
from parcnet.layers.feed_forward import FeedForward
from parcnet.layers.norm import BiasFreeLayerNorm2d
from parcnet.layers.options import ChannelMixer, Gate, Mix, Residual, check_option
from parcnet.layers.res_scale import ResScale
from parcnet.layers.spatial_bgu import SpatialBGU
from parcnet.layers.spatial_series import SpatialSeries

FFN_OVER_BGU = 1.5
"""Width of a plain feed-forward network relative to a gated one with as many weights (supplement C, Eq. 3)."""


class ResidualBlock(nn.Module):
    """Spatial, then channel mixing, each with a pre-norm and a shortcut (ICCV 2023, Fig. 3d).

        x = res_scale1(x) + drop_path(layer_scale1(spatial(norm1(x))))
        x = res_scale2(x) + drop_path(layer_scale2(channel(norm2(x))))

    residual      "none": no scales. "res_scale": `ResScale` on the shortcut. "layer_scale": a factor for each channel
                  of the branch, with initial value `layer_scale`.

    Shapes: [B, C, H, W] -> [B, C, H, W], as those of `spatial` and `channel`.
    """

    def __init__(
        self,
        channels: int,
        spatial: nn.Module,
        channel: nn.Module,
        *,
        residual: Residual = "none",
        layer_scale: float = 1e-6,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        check_option("residual", residual, Residual)
        scaled, layered = residual == "res_scale", residual == "layer_scale"
        self.norm1 = BiasFreeLayerNorm2d(channels)
        self.spatial = spatial
        self.res_scale1 = ResScale(channels) if scaled else nn.Identity()
        self.layer_scale1 = LayerScale2d(channels, layer_scale) if layered else nn.Identity()
        self.drop_path1 = DropPath(drop_path) if drop_path else nn.Identity()
        self.norm2 = BiasFreeLayerNorm2d(channels)
        self.channel = channel
        self.res_scale2 = ResScale(channels) if scaled else nn.Identity()
        self.layer_scale2 = LayerScale2d(channels, layer_scale) if layered else nn.Identity()
        self.drop_path2 = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.res_scale1(x) + self.drop_path1(self.layer_scale1(self.spatial(self.norm1(x))))
        return self.res_scale2(x) + self.drop_path2(self.layer_scale2(self.channel(self.norm2(x))))


class ParCNetV2Block(ResidualBlock):
    """The uniform block: `SpatialBGU`, then `ChannelBGU`, or their replacements in the ablations.

    `map_size` is the (H, W) that determines the lengths of the oversized kernels. The options are the papers'
    ablations; the defaults are the published block:

    mix         how local and oversized convolution are combined, see `token_mix` (Tab. 6 row 1, supplement Tab. 2).
    gate        how the branches of both gated units are combined: "multiply", "add" (supplement, Tab. 3); or "none",
                three 1x1 convolutions in series in the spatial unit only (Tab. 6 row 2).
    channel     "bgu"; "ffn": a plain network of expansion 1.5 * expansion, with as many weights (Tab. 6 row 3).
    residual    "none", "res_scale", "layer_scale": see `ResidualBlock`.
    """

    def __init__(
        self,
        channels: int,
        map_size: int | tuple[int, int],
        *,
        expansion: float = 2.5,
        local_kernel: int = 7,
        mix: Mix = "parallel",
        gate: Gate = "multiply",
        channel: ChannelMixer = "bgu",
        residual: Residual = "none",
        drop_path: float = 0.0,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
    ) -> None:
        check_option("gate", gate, Gate)
        check_option("channel", channel, ChannelMixer)
        spatial: nn.Module
        if gate == "none":
            spatial = SpatialSeries(
                channels, map_size, mix=mix, local_kernel=local_kernel, kernel_fit=kernel_fit, algorithm=algorithm
            )
        else:
            spatial = SpatialBGU(
                channels,
                map_size,
                mix=mix,
                gate=gate,
                local_kernel=local_kernel,
                kernel_fit=kernel_fit,
                algorithm=algorithm,
            )
        channel_mixer: nn.Module
        if channel == "ffn":
            channel_mixer = FeedForward(channels, expansion=FFN_OVER_BGU * expansion, out_bias=False)
        else:
            channel_mixer = ChannelBGU(channels, expansion=expansion, gate="multiply" if gate == "none" else gate)
        super().__init__(channels, spatial, channel_mixer, residual=residual, drop_path=drop_path)
