"""Preparation of a network for export at one image size: resized and baked kernels, norms in the runtime's form."""

import copy
import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from parcnet.deploy.norms import replace_norms
from parcnet.layers import MapSized, OversizedConv2d
from parcnet.layers.inference import MatmulMix
from parcnet.models import ParCNetV2
from parcnet.models.freezing import frozen, input_shapes, stages_of
from parcnet.tasks.backbone import Backbone


class ConstantProducts(nn.Module):
    """`MatmulMix` as two plain matrix products, T_h x T_w' for every channel, without permutations. Shapes: NCHW."""

    rows: Tensor
    columns: Tensor

    def __init__(self, mix: MatmulMix) -> None:
        super().__init__()
        self.register_buffer("rows", mix.rows)
        self.register_buffer("columns", mix.columns.transpose(1, 2).contiguous())
        self.local = mix.local

    def forward(self, x: Tensor) -> Tensor:
        return self.local(x, self.rows @ x @ self.columns)


class Normalised(nn.Module):
    """A network on 8-bit pixels [B, H, W, C]: scaling and normalisation are part of it, resizing is not."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        # in timm's order: scale to [0, 1], subtract the mean, divide by the standard deviation
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])

    def forward(self, pixels: Tensor) -> Any:
        image = pixels.permute(0, 3, 1, 2).float() / 255
        return self.network((image - self.mean) / self.std)


class HalfPrecision(nn.Module):
    """A network in half precision with float32 input and output."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).half()  # a copy: the original may be the reference

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        outputs = tuple(each.float() for each in flattened(self.network(image.half())))
        return outputs[0] if len(outputs) == 1 else outputs


def sized(model: nn.Module, size: tuple[int, int]) -> nn.Module:
    """A frozen copy of `model` in eval mode with parameters for images of `size` (H, W).

    Oversized convolutions run as plain convolutions, which every runtime supports.
    """
    model = copy.deepcopy(model).cpu().eval().requires_grad_(False)
    resize: Any = getattr(model, "set_input_size", None)
    if resize is not None and any(isinstance(module, MapSized) for module in model.modules()):
        resize(size)
    for module in model.modules():
        if isinstance(module, OversizedConv2d):
            module.algorithm = "conv"
    return model


def fit_maps(model: nn.Module, image: Tensor) -> None:
    """Fits the parameters of a task network's backbone, after `sized`, to the feature maps of `image` [B, C, H, W]."""
    if hasattr(model, "set_input_size") or not any(isinstance(module, MapSized) for module in model.modules()):
        return
    with torch.no_grad():
        shapes = input_shapes(model, image)
    for path, module in model.named_modules():
        if isinstance(module, MapSized) and path in shapes:
            height, width = shapes[path][2:]
            module.set_map_size((height, width))


def parcnet_stages(model: nn.Module) -> list[str]:
    """Paths of the stages that `in_form` rewrites: those of ParCNetV2, alone or as the backbone of a task."""
    prepared = isinstance(model, ParCNetV2) or any(isinstance(module, Backbone) for module in model.modules())
    return list(stages_of(model)) if prepared else []


def in_form(model: nn.Module, image: Tensor, algorithms: Sequence[str], norm: str) -> nn.Module:
    """The network in the form to export: ParCNetV2 frozen with one algorithm per stage; other networks unchanged.

    `image` [B, C, H, W] has the size that `model` is fitted to.
    """
    if not parcnet_stages(model):
        return model
    with torch.no_grad():
        network = frozen(model, input_shapes(model, image), algorithms)
    for path, module in list(network.named_modules()):
        if isinstance(module, MatmulMix):
            network.set_submodule(path, ConstantProducts(module))
    replace_norms(network, norm)
    return network.to(memory_format=torch.contiguous_format)


def flattened(outputs: Any) -> list[Tensor]:
    """The tensors in a network's output, in the order of an exported file's outputs."""
    if isinstance(outputs, Tensor):
        return [outputs]
    values = outputs.values() if isinstance(outputs, dict) else outputs
    return list(itertools.chain.from_iterable(flattened(value) for value in values))
