"""A network frozen for inference at one image size: kernels resized, norms folded, in ordinary torch operators."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from parcnet.layers import ParCNetV2Block
from parcnet.layers.inference import freezable, freeze_block
from parcnet.models.staged import NetworkStage


def frozen(model: nn.Module, shapes: dict[str, list[int]], algorithms: Sequence[str]) -> nn.Module:
    """A copy of `model`, a ParCNetV2 or a network on top of one, whose blocks support only maps of the given `shapes`.

    Blocks of ablations are not frozen.

    shapes       input shape [B, C, H, W] of every block by its path, see `input_shapes`
    algorithms   a key of `layers.inference.MIXES` for each stage
    """
    copied = copy.deepcopy(model).eval().requires_grad_(False).to(memory_format=torch.channels_last)
    for stage, algorithm in enumerate(algorithms):
        for path, block in freezable_blocks(model, stage):
            height, width = shapes[path][2:]
            copied.set_submodule(path, freeze_block(block, (height, width), algorithm).eval())
    return copied


def stages_of(model: nn.Module) -> dict[str, NetworkStage]:
    """The stages of ParCNetV2's blocks in `model`, a ParCNetV2 or a network on top of one, by path and in order."""
    return {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, NetworkStage) and any(isinstance(each, ParCNetV2Block) for each in module.modules())
    }


def freezable_blocks(model: nn.Module, stage: int) -> list[tuple[str, ParCNetV2Block]]:
    """The blocks of a stage that can be frozen, by path."""
    path, module = list(stages_of(model).items())[stage]
    modules = module.named_modules(prefix=path)
    return [(path, block) for path, block in modules if isinstance(block, ParCNetV2Block) and freezable(block)]


def input_shapes(model: nn.Module, image: Tensor) -> dict[str, list[int]]:
    """Shape of the first input of every module of `model` that takes a tensor, recorded in one forward pass.

    `model` is left unchanged.
    """
    shapes: dict[str, list[int]] = {}
    hooks = []
    training = model.training
    try:
        for path, module in model.named_modules():
            hooks.append(module.register_forward_pre_hook(partial(_record_shape, shapes, path)))
        model.eval()(image)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return shapes


def _record_shape(shapes: dict[str, list[int]], path: str, module: nn.Module, inputs: tuple[Tensor]) -> None:  # noqa: ARG001 - a hook's signature
    if inputs and isinstance(inputs[0], Tensor):  # heads over several maps take a list
        shapes[path] = list(inputs[0].shape)
