"""The block of ConvNeXt with any token mixer."""

from timm.layers import DropPath, LayerNorm2d, LayerScale2d
from torch import Tensor, nn

from parcnet.layers.feed_forward import FeedForward


class ConvNeXtBlock(nn.Module):
    """Token mixer, norm, channel mixer, scaled and added to one shortcut (ConvNeXt, arXiv 2201.03545, Fig. 4).

        x + drop_path(layer_scale * channel_mixer(norm(token_mixer(x))))

    token_mixer     ConvNeXt's own is a depthwise 7x7 with bias, ParC-ConvNeXt's `ParC` (arXiv 2203.03952). Already
                    initialised: the block does not change its weights.
    channel_mixer   None: a plain feed-forward network of four times the width.
    layer_scale     initial value of the factors of the branch; 0 leaves them out.

    Shapes: [B, C, H, W] -> [B, C, H, W], as those of both mixers.
    """

    def __init__(
        self,
        channels: int,
        token_mixer: nn.Module,
        channel_mixer: nn.Module | None = None,
        *,
        layer_scale: float = 1e-6,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.token_mixer = token_mixer
        self.norm = LayerNorm2d(channels, eps=1e-6)
        self.channel_mixer = FeedForward(channels) if channel_mixer is None else channel_mixer
        self.layer_scale = LayerScale2d(channels, layer_scale) if layer_scale else nn.Identity()
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.drop_path(self.layer_scale(self.channel_mixer(self.norm(self.token_mixer(x)))))
