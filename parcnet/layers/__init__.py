"""Layers with weights, independent of any network: each can be used alone.

All take and return NCHW tensors. They are fastest in channels_last memory, where nothing is copied.
"""

from parcnet.layers.block import ParCNetV2Block, ResidualBlock
from parcnet.layers.channel_bgu import ChannelBGU, bgu_expansion
from parcnet.layers.circular_conv import CircularConv1d
from parcnet.layers.convnext_block import ConvNeXtBlock
from parcnet.layers.downsample import Downsample, Stem, downsampled, stemmed
from parcnet.layers.feed_forward import FeedForward
from parcnet.layers.line_embedding import LineEmbedding
from parcnet.layers.local_global_conv import LocalGlobalConv
from parcnet.layers.local_global_split import LocalGlobalSplit
from parcnet.layers.map_sized import MapSized
from parcnet.layers.norm import BiasFreeLayerNorm2d
from parcnet.layers.oversized_conv import OversizedConv2d
from parcnet.layers.oversized_conv1d import OversizedConv1d
from parcnet.layers.parc import ParC, ParCBothWays
from parcnet.layers.res_scale import ResScale
from parcnet.layers.spatial_bgu import SpatialBGU
from parcnet.layers.spatial_series import SpatialSeries
from parcnet.layers.split_spatial_bgu import SplitSpatialBGU
from parcnet.layers.token_mix import token_mix

__all__ = [
    "BiasFreeLayerNorm2d",
    "ChannelBGU",
    "CircularConv1d",
    "ConvNeXtBlock",
    "Downsample",
    "FeedForward",
    "LineEmbedding",
    "LocalGlobalConv",
    "LocalGlobalSplit",
    "MapSized",
    "OversizedConv1d",
    "OversizedConv2d",
    "ParC",
    "ParCBothWays",
    "ParCNetV2Block",
    "ResScale",
    "ResidualBlock",
    "SpatialBGU",
    "SpatialSeries",
    "SplitSpatialBGU",
    "Stem",
    "bgu_expansion",
    "downsampled",
    "stemmed",
    "token_mix",
]
