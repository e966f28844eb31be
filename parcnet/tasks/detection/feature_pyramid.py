"""A backbone's maps as a feature pyramid."""

from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from parcnet.tasks.backbone import Backbone

CHANNELS = 256
LEVELS = ("0", "1", "2", "3")
"""What torchvision calls the maps of strides 4, 8, 16 and 32."""


class PyramidBackbone(nn.Module):
    """Images [B, 3, H, W] -> {"0", "1", "2", "3", "pool"}: maps [B, 256, H/s, W/s] at strides s = 4, 8, 16, 32, 64.

    torchvision's pyramid over the normed maps of `body`; stride 64 is every second value of stride 32.
    """

    out_channels = CHANNELS
    """Where torchvision's detectors look for it."""

    def __init__(self, body: Backbone) -> None:
        super().__init__()
        self.body = body
        self.fpn = FeaturePyramidNetwork(list(body.channels), CHANNELS, extra_blocks=LastLevelMaxPool())

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return self.fpn(dict(zip(LEVELS, self.body(images), strict=True)))
