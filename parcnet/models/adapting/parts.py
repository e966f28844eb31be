"""One module of another network -> the part of ParCNetV2 that takes its place, or the reason why none can."""

from typing import Literal

from torch import nn

from parcnet.layers import ChannelBGU, LocalGlobalConv, OversizedConv2d, SpatialBGU, bgu_expansion
from parcnet.layers.any_layout import LastChannels
from parcnet.layers.options import Gate
from parcnet.models.adapting.observed import Seen

Mixing = Literal["beside", "instead", "keep"]
"""Where the oversized convolution goes: beside a depthwise convolution, in its place, or nowhere."""


class Refused(Exception):
    """This module stays; the message says why."""


def token_mixer(
    conv: nn.Module, seen: Seen, *, mixing: Mixing, gate: Gate, unchanged: bool, kernel_fit: str, algorithm: str
) -> nn.Module:
    """For a depthwise convolution [B, C, H, W] -> [B, C, H, W]. It lives on beside the oversized one.

    Raises Refused for any other module.
    """
    channels, height, width = _depthwise(conv, seen)
    assert isinstance(conv, nn.Conv2d)
    if gate != "none":
        side = conv.kernel_size[0]
        if conv.kernel_size != (side, side) or side % 2 == 0:
            raise Refused(f"a gated unit has a square local kernel of odd side, and this one is {conv.kernel_size}")
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


def channel_mixer(mlp: nn.Module, seen: Seen, *, gate: Gate, expansion: float | None) -> nn.Module:
    """For a feed-forward network with the layers `fc1` and `fc2`, as timm's. Raises Refused for any other module.

    Without `expansion` the gated unit has as many weights (supplement C, Eq. 3).
    """
    first, second = getattr(mlp, "fc1", None), getattr(mlp, "fc2", None)
    if not isinstance(first, nn.Linear | nn.Conv2d) or not isinstance(second, nn.Linear | nn.Conv2d):
        raise Refused("it is no feed-forward network with layers fc1 and fc2")
    own = sum(parameter.numel() for layer in (first, second) for parameter in layer.parameters())
    if own != sum(parameter.numel() for parameter in mlp.parameters()):
        others = [
            name for name, child in mlp.named_children() if name not in ("fc1", "fc2") and any(child.parameters())
        ]
        raise Refused(f"it has weights besides fc1 and fc2 ({', '.join(others)}), which would be lost")
    hidden, channels = first.weight.shape[:2]
    if second.weight.shape[:2] != (channels, hidden):
        raise Refused(f"it is gated already, or changes the number of channels: {channels} to {second.weight.shape[0]}")
    shape = seen.unchanged_map
    if shape is None:
        raise Refused(_called(seen))
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
        raise Refused(f"it is given {list(shape)}; expected [B, H, W, {channels}] or [B, N, {channels}]")
    return LastChannels(unit)


def _depthwise(conv: nn.Module, seen: Seen) -> tuple[int, int, int]:
    """(channels, height, width) of the map of a depthwise convolution that keeps it."""
    if not isinstance(conv, nn.Conv2d):
        raise Refused(f"it is no convolution but a {type(conv).__name__}")
    if not conv.groups == conv.in_channels == conv.out_channels:
        raise Refused(
            f"it is not depthwise: {conv.in_channels} to {conv.out_channels} channels in {conv.groups} groups"
        )
    if (stride := conv.stride) != (1, 1):
        raise Refused(f"an oversized convolution keeps the map's size, and this one has stride {stride[0]}")
    shape = seen.unchanged_map
    if shape is None or len(shape) != 4:
        raise Refused(_called(seen))
    return shape[1], shape[2], shape[3]


def _called(seen: Seen) -> str:
    if len(seen.calls) != 1:
        return f"it is called {len(seen.calls)} times for an image, and not once"
    given, made = (None if shape is None else list(shape) for shape in seen.calls[0])
    return f"it changes the shape of what it is given: {given} to {made}"
