"""The layer of ParCNetV2 that replaces a module of another network, or the reason why none can."""

from typing import Literal

from torch import nn

from parcnet.layers import ChannelBGU, LocalGlobalConv, OversizedConv2d, SpatialBGU, bgu_expansion
from parcnet.layers.any_layout import LastChannels
from parcnet.layers.options import Gate
from parcnet.models.adapting.observed_shapes import ObservedShapes

Mixing = Literal["beside", "instead", "keep"]
"""Where the oversized convolution goes: parallel to a depthwise convolution, in its place, or nowhere."""


class Refused(Exception):
    """This module is kept; the message says why."""


def token_mixer(
    conv: nn.Module,
    shapes: ObservedShapes,
    *,
    mixing: Mixing,
    gate: Gate,
    unchanged: bool,
    kernel_fit: str,
    algorithm: str,
) -> nn.Module:
    """For a depthwise convolution [B, C, H, W] -> [B, C, H, W], which is kept parallel to the oversized one.

    Raises Refused for any other module.
    """
    channels, height, width = _depthwise(conv, shapes)
    assert isinstance(conv, nn.Conv2d)
    if gate != "none":
        side = conv.kernel_size[0]
        if conv.kernel_size != (side, side) or side % 2 == 0:
            raise Refused(f"a gated unit has a square local kernel of odd side, but this kernel is {conv.kernel_size}")
        mix: Literal["parallel", "local"] = "parallel" if mixing == "beside" else "local"
        return SpatialBGU(
            channels,
            (height, width),
            mix=mix,
            gate=gate,
            local_kernel=side,
            out_bias=conv.bias is not None,
            kernel_fit=kernel_fit,
            algorithm=algorithm,
        )
    if mixing == "instead":
        return OversizedConv2d(channels, (height, width), kernel_fit=kernel_fit, algorithm=algorithm)
    both = LocalGlobalConv(channels, (height, width), kernel_fit=kernel_fit, algorithm=algorithm)
    both.local = conv
    if unchanged:
        nn.init.zeros_(both.oversized.kernel_w)
    return both


def channel_mixer(mlp: nn.Module, shapes: ObservedShapes, *, gate: Gate, expansion: float | None) -> nn.Module:
    """For a feed-forward network with layers `fc1` and `fc2`, like timm's. Raises Refused for any other module.

    By default the gated unit has the same number of weights (supplement C, Eq. 3).
    """
    first, second = getattr(mlp, "fc1", None), getattr(mlp, "fc2", None)
    if not isinstance(first, nn.Linear | nn.Conv2d) or not isinstance(second, nn.Linear | nn.Conv2d):
        raise Refused("it is not a feed-forward network with layers fc1 and fc2")
    counted = sum(parameter.numel() for layer in (first, second) for parameter in layer.parameters())
    if counted != sum(parameter.numel() for parameter in mlp.parameters()):
        others = [
            name for name, child in mlp.named_children() if name not in ("fc1", "fc2") and any(child.parameters())
        ]
        raise Refused(f"it has weights besides fc1 and fc2 ({', '.join(others)}), which would be lost")
    hidden, channels = first.weight.shape[:2]
    if second.weight.shape[:2] != (channels, hidden):
        raise Refused(f"it is already gated, or changes the number of channels: {channels} to {second.weight.shape[0]}")
    shape = shapes.unchanged_map
    if shape is None:
        raise Refused(_shape_change(shapes))
    unit = ChannelBGU(
        channels,
        expansion=bgu_expansion(hidden / channels) if expansion is None else expansion,
        gate=gate if gate != "none" else "multiply",
        out_bias=second.bias is not None,
    )
    if isinstance(first, nn.Conv2d):
        if {first.kernel_size, second.kernel_size} != {(1, 1)}:
            raise Refused("its convolutions are not 1x1")
        return unit
    if len(shape) not in (3, 4) or shape[-1] != channels:
        raise Refused(f"its input is {list(shape)}; expected [B, H, W, {channels}] or [B, N, {channels}]")
    return LastChannels(unit)


def _depthwise(conv: nn.Module, shapes: ObservedShapes) -> tuple[int, int, int]:
    """(channels, height, width) of the map of a depthwise convolution that keeps the map's size."""
    if not isinstance(conv, nn.Conv2d):
        raise Refused(f"it is a {type(conv).__name__}, not a convolution")
    if not conv.groups == conv.in_channels == conv.out_channels:
        raise Refused(
            f"it is not depthwise: {conv.in_channels} to {conv.out_channels} channels in {conv.groups} groups"
        )
    if (stride := conv.stride) != (1, 1):
        raise Refused(f"an oversized convolution keeps the map's size, but this one has stride {stride[0]}")
    shape = shapes.unchanged_map
    if shape is None or len(shape) != 4:
        raise Refused(_shape_change(shapes))
    return shape[1], shape[2], shape[3]


def _shape_change(shapes: ObservedShapes) -> str:
    if len(shapes.calls) != 1:
        return f"it is called {len(shapes.calls)} times per image, expected once"
    before, after = (None if shape is None else list(shape) for shape in shapes.calls[0])
    return f"it changes the shape of its input: {before} to {after}"
