"""oneDNN's prepacked kernels for the frozen block on CPUs: weights are packed once, pointwise operations fused.

The operators are those that torch's compiler emits under freezing, called here without compilation.
"""

import torch
from torch import Tensor, nn

from parcnet.layers.inference import Depthwise, Pointwise


def unpackable(x: Tensor) -> str | None:
    """None if oneDNN supports maps like `x`, else the reason."""
    if x.device.type != "cpu":
        return f"the network is on {x.device.type}, oneDNN supports CPUs only"
    if x.dtype not in (torch.float32, torch.bfloat16):
        return f"the network is {x.dtype}, oneDNN's packed kernels support float32 and bfloat16"
    if not torch.backends.mkldnn.is_available():
        return "this build of torch has no oneDNN"
    needed = ("_linear_pointwise", "_convolution_pointwise", "_reorder_linear_weight", "_reorder_convolution_weight")
    missing = [name for name in needed if not hasattr(torch.ops.mkldnn, name)]
    return f"this build of torch lacks {', '.join(missing)}" if missing else None


class PackedPointwise(nn.Module):
    """`Pointwise` as a matrix product with packed weights."""

    def __init__(self, plain: Pointwise, pixels: int) -> None:
        super().__init__()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(plain.weight.flatten(1).contiguous(), pixels)
        self.bias = plain.bias
        self.activation = "gelu" if plain.gelu else "none"
        self.combine = plain.combine

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        pixels = x.permute(0, 2, 3, 1)
        if other is None:
            y = torch.ops.mkldnn._linear_pointwise(pixels, self.packed, self.bias, self.activation, [], "none")
        else:
            operand = other.permute(0, 2, 3, 1)
            y = torch.ops.mkldnn._linear_pointwise.binary(pixels, operand, self.packed, self.bias, self.combine)
        return y.permute(0, 3, 1, 2)


class PackedDepthwise(nn.Module):
    """`Depthwise` with a packed kernel."""

    def __init__(self, plain: Depthwise, shape: list[int]) -> None:
        super().__init__()
        self.padding, self.channels = list(plain.padding), shape[1]
        self.packed = torch.ops.mkldnn._reorder_convolution_weight(
            plain.weight, self.padding, [1, 1], [1, 1], self.channels, shape
        )

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        geometry = (self.padding, [1, 1], [1, 1], self.channels)
        if other is None:
            return torch.ops.mkldnn._convolution_pointwise(x, self.packed, None, *geometry, "none", [], "")
        return torch.ops.mkldnn._convolution_pointwise.binary(
            x, other, self.packed, None, *geometry, "add", 1.0, None, [], None
        )


def pack(model: nn.Module, shapes: dict[str, list[int]]) -> None:
    """Replace every `Pointwise` and `Depthwise` of `model`, in place; `shapes` has their input shapes [B, C, H, W]."""
    for path, shape in shapes.items():
        plain = model.get_submodule(path)
        if isinstance(plain, Pointwise):
            model.set_submodule(path, PackedPointwise(plain, shape[0] * shape[2] * shape[3]))
        elif isinstance(plain, Depthwise):
            model.set_submodule(path, PackedDepthwise(plain, shape))


def pack_depthwise(mix: nn.Module, shape: list[int]) -> None:
    """Replace every `Depthwise` of a mix on maps [B, C, H, W] of `shape`, in place."""
    pack(mix, {path: shape for path, module in mix.named_modules() if isinstance(module, Depthwise)})
