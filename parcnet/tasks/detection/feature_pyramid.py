"""The feature pyramid over a backbone."""

from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from parcnet.tasks.backbone import Backbone

CHANNELS = 256
LEVELS = ("0", "1", "2", "3")
"""torchvision's names of the maps of strides 4, 8, 16 and 32."""


class PyramidBackbone(nn.Module):
    """Images [B, 3, H, W] -> {"0", "1", "2", "3", "pool"}: maps [B, 256, H/s, W/s] of strides s = 4, 8, 16, 32, 64.

    torchvision's feature pyramid over the normalised maps of `body`; the map of stride 64 subsamples that of 32.
    """

    out_channels = CHANNELS
    """The attribute that torchvision's detectors read."""

    def __init__(self, body: Backbone) -> None:
        super().__init__()
        self.body = body
        self.fpn = FeaturePyramidNetwork(list(body.channels), CHANNELS, extra_blocks=LastLevelMaxPool())

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return self.fpn(dict(zip(LEVELS, self.body(images), strict=True)))
