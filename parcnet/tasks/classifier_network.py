"""Recipe -> a timm classifier and the transform of its images, for every task whose network is one."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing, Transform, train_transform
from parcnet.models import build
from parcnet.models.fitting import fit_checkpoint, load_exactly
from parcnet.recipes import Recipe
from parcnet.tasks.building import BuiltNetwork, build_seeded, colour_statistics, model_arguments


def build_classifier(recipe: Recipe, classes: Sequence[str]) -> BuiltNetwork:
    """The recipe's network with one logit per class, initialised under its seed. Raises `UserError`."""
    settings = recipe.network
    model_args = {"num_classes": len(classes), **model_arguments(recipe)}
    network = build_seeded(recipe, model_args, partial(build, settings.model))
    _scale_head(network, settings.head_init_scale)
    if settings.initial_checkpoint is not None:
        _load_weights(network, settings.initial_checkpoint, classes)
    return BuiltNetwork(network, model_args, _preprocessing(network, recipe))


def classifier_of(metadata: Metadata) -> nn.Module:
    """A fresh classifier as a checkpoint describes it. Raises `UserError` unless it has a logit for each class."""
    network = build(metadata.model, **metadata.model_args)
    logits = getattr(network, "num_classes", None)
    if logits != len(metadata.classes):
        raise UserError(
            f"it names {len(metadata.classes)} classes, and its {metadata.model} has {logits} logits; expected one "
            "for each class."
        )
    return network


def classifier_transform(recipe: Recipe, preprocessing: Preprocessing) -> Transform:
    """The augmentation of training images. In multi-scale training, images have the largest size, and each step resizes
    its batch."""
    if recipe.data.train_sizes is not None:
        side = recipe.data.train_sizes[1]
        preprocessing = replace(preprocessing, size=(side, side))
    return train_transform(preprocessing, recipe.augmentation, recipe.data.train_interpolation)


def _preprocessing(network: nn.Module, recipe: Recipe) -> Preprocessing:
    """Size and crop from the recipe, mean and std from the network's timm configuration."""
    # timm sets `pretrained_cfg` on every network; nn.Module's stubs type any attribute as a tensor or a module
    config: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
    size = recipe.network.img_size
    height, width = config["input_size"][-2:] if size is None else (size, size)
    mean, std = colour_statistics(network, recipe)
    return Preprocessing((height, width), mean, std, recipe.data.interpolation, recipe.data.crop_pct)


def _scale_head(network: nn.Module, factor: float) -> None:
    """Scales the initial weights and biases of the head; a checkpoint for the same classes replaces them later."""
    if factor == 1:
        return
    config: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]  # as in _preprocessing
    head = network.get_submodule(config["classifier"])
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.mul_(factor)


def _load_weights(network: nn.Module, path: str, classes: Sequence[str]) -> None:
    """Loads a checkpoint's weights, including the head only if its classes are the same in the same order."""
    source = checkpoint.read(path)
    weights = dict(source.weights)
    if source.metadata.classes != tuple(classes):
        head = f"{network.pretrained_cfg['classifier']}."  # type: ignore[index]  # as in _preprocessing
        weights |= {name: value for name, value in network.state_dict().items() if name.startswith(head)}
    load_exactly(network, fit_checkpoint(weights, network), f"the weights of {path}")
