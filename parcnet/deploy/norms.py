"""Equivalent graph forms of LayerNorm over channels, of which each runtime is fastest with a different one.

In a graph, LayerNorm over the channels of an NCHW tensor is a permutation to NHWC, the norm and a permutation back.
Runtimes with channel-blocked layouts (ONNX Runtime, MNN) or NHWC memory (OpenVINO) unpack and copy the tensor for it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.layers import Downsample
from parcnet.layers.inference import InferenceBGU, UnweightedNorm
from parcnet.layers.norm import BiasFreeLayerNorm2d

_BLOCK = 16
"""Channels per block: fp32 lanes of the widest vector registers."""


def _single(x: Tensor) -> Tensor:
    return x.float() if x.dtype == torch.float16 else x  # squares above 65504 overflow in half precision


class ReducedNorm(nn.Module):
    """c = x - mean(x); y = c / sqrt(mean(c^2) + eps), by reductions over the channels. Shapes: [B, C, H, W]."""

    def __init__(self, channels: int, eps: float) -> None:  # noqa: ARG002 - one signature for all forms
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = _single(x)
        centred = wide - wide.mean(1, keepdim=True)
        return (centred * torch.rsqrt((centred * centred).mean(1, keepdim=True) + self.eps)).to(x.dtype)


class ScaledNorm(nn.Module):
    """y = x / sqrt(var(x) + eps): a norm whose centring is folded into the next layer: x - mean(x) is not stored.

    The variance is computed from x - mean(x): mean(x^2) - mean(x)^2 cancels when the mean is large.
    """

    def __init__(self, channels: int, eps: float) -> None:  # noqa: ARG002 - one signature for all forms
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = _single(x)
        variance = (wide - wide.mean(1, keepdim=True)).square().mean(1, keepdim=True)
        return (wide * torch.rsqrt(variance + self.eps)).to(x.dtype)


class BlockedNorm(nn.Module):
    """`ReducedNorm` with 1x1 convolutions for the mean and its broadcast, which keep the channel-blocked layout.

    A convolution subtracts the mean; runtimes fuse it with the addition.
    """

    mean: Tensor
    bias: Tensor
    spread: Tensor

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((_BLOCK, channels, 1, 1), 1 / channels))
        self.register_buffer("bias", torch.full((_BLOCK,), eps))
        self.register_buffer("spread", torch.eye(1, _BLOCK).repeat(channels, 1)[:, :, None, None].contiguous())

    def forward(self, x: Tensor) -> Tensor:
        wide = _single(x)
        mean, bias, spread = (each.to(wide.dtype) for each in (self.mean, self.bias, self.spread))
        centred = wide + F.conv2d(F.conv2d(wide, mean), -spread)
        variance = F.conv2d(centred * centred, mean, bias)
        return (centred * F.conv2d(torch.rsqrt(variance), spread)).to(x.dtype)


class PermutedNorm(nn.Module):
    """`F.layer_norm` between two permutations: the form that TensorRT and CoreML recognise as one layer."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.channels, self.eps = channels, eps

    def forward(self, x: Tensor) -> Tensor:
        normed = F.layer_norm(_single(x).permute(0, 2, 3, 1), (self.channels,), eps=self.eps)
        return normed.permute(0, 3, 1, 2).to(x.dtype)


NORMS: dict[str, Callable[[int, float], nn.Module]] = {
    "layer_norm": PermutedNorm,
    "reduced": ReducedNorm,
    "scaled": ScaledNorm,
    "blocked": BlockedNorm,
}
"""Name -> form of the norm."""

NORM_OF = {"onnx": "blocked", "openvino": "scaled", "mnn": "reduced", "torch-export": "layer_norm"}
"""Format -> fastest form of the norm in its runtime, see `docs/deployment.md`."""


class WeightedNorm(nn.Module):
    """A form of the norm times a weight per channel."""

    weight: Tensor

    def __init__(self, form: nn.Module, weight: Tensor) -> None:
        super().__init__()
        self.form = form
        self.register_buffer("weight", weight.detach().clone()[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return self.form(x) * self.weight


def replace_norms(network: nn.Module, form: str) -> None:
    """Replaces every norm in the blocks, stem and downsampling layers of a frozen network by `form`, in place."""
    for path, module in list(network.named_modules()):
        if isinstance(module, InferenceBGU) and isinstance(module.norm, UnweightedNorm):
            network.set_submodule(f"{path}.norm", NORMS[form](module.gate.weight.shape[1], module.norm.eps))
            if form == "scaled":
                module.gate.weight, module.feature.weight = map(centred, (module.gate.weight, module.feature.weight))
        elif isinstance(module, Downsample) and form == "scaled":
            # padding stays zero: the norm comes before it and has no bias
            module.conv.weight.data = centred(module.conv.weight * module.norm.weight[:, None, None])
            network.set_submodule(f"{path}.norm", NORMS[form](module.conv.in_channels, module.norm.eps))
        elif isinstance(module, BiasFreeLayerNorm2d) and isinstance(network.get_submodule(path), BiasFreeLayerNorm2d):
            # the next layer is not a convolution that can absorb centring and weight
            channels, plain = module.weight.shape[0], "reduced" if form == "scaled" else form
            network.set_submodule(path, WeightedNorm(NORMS[plain](channels, module.eps), module.weight))


def centred(weight: Tensor) -> Tensor:
    """W (I - 11'/C): the convolution W [out, C, h, w] with the subtraction of the channel mean folded in."""
    return (weight - weight.mean(1, keepdim=True)).detach()
