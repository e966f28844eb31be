"""Modules that own weights and know no network's name; each is usable alone in somebody else's network.

All take and return NCHW tensors and are fastest, with nothing copied, when these lie in channels_last memory.
"""

from parcnet.layers.block import ParCNetV2Block
from parcnet.layers.channel_bgu import ChannelBGU, bgu_expansion
from parcnet.layers.downsample import Downsample, Stem, downsampled, stemmed
from parcnet.layers.local_global_conv import LocalGlobalConv
from parcnet.layers.norm import BiasFreeLayerNorm2d
from parcnet.layers.oversized_conv import OversizedConv2d
from parcnet.layers.res_scale import ResScale
from parcnet.layers.spatial_bgu import SpatialBGU

__all__ = [
    "BiasFreeLayerNorm2d",
    "ChannelBGU",
    "Downsample",
    "LocalGlobalConv",
    "OversizedConv2d",
    "ParCNetV2Block",
    "ResScale",
    "SpatialBGU",
    "Stem",
    "bgu_expansion",
    "downsampled",
    "stemmed",
]
