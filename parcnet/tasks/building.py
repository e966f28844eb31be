"""Recipe -> a network, the arguments that rebuild it, and the preprocessing it expects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean
from typing import Any, TypeVar

import torch
from torch import nn

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.data import Preprocessing
from parcnet.models import build
from parcnet.models.fitting import fit_checkpoint, load_exactly
from parcnet.recipes import Recipe
from parcnet.recipes.yaml_text import arguments
from parcnet.training.loop.seeds import seed_network

Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class Built:
    """A fresh network on the CPU and what a checkpoint must say about it."""

    network: nn.Module
    model_args: dict[str, Any]
    """Keyword arguments of `timm.create_model` that rebuild it."""
    preprocessing: Preprocessing
    task_args: dict[str, Any] = field(default_factory=dict)
    """What a task adds to rebuild it; see `Metadata.task_args`."""
    notes: tuple[str, ...] = ()
    """Sentences about how it was made, for the person before the terminal."""


def build_network(recipe: Recipe, classes: Sequence[str]) -> Built:
    """Builds the recipe's network for these classes, under the recipe's seed."""
    settings = recipe.network
    model_args = {"num_classes": len(classes), **arguments_of(recipe)}
    network = seeded(recipe, model_args, partial(build, settings.model))
    _scale_head(network, settings.head_init_scale)
    if settings.initial_checkpoint is not None:
        _start_from(network, settings.initial_checkpoint, classes)
    return Built(network, model_args, _preprocessing(network, recipe))


def arguments_of(recipe: Recipe) -> dict[str, Any]:
    """What timm.create_model is told besides the classes and what only training needs. Raises `UserError`."""
    settings = recipe.network
    model_args: dict[str, Any] = {"in_chans": settings.in_chans}
    further = arguments(settings.model_args, "network.model_args")
    if taken := sorted(further.keys() & {*model_args, "num_classes", "img_size", "kernel_fit", "drop_path_rate"}):
        raise UserError(f"network.model_args has {taken[0]}, which has a field of its own in the recipe or the data.")
    model_args |= further
    if settings.kernel_fit is not None:
        model_args["kernel_fit"] = settings.kernel_fit
    if settings.img_size is not None:
        model_args["img_size"] = settings.img_size
    return model_args


def seeded(recipe: Recipe, model_args: dict[str, Any], make: Callable[..., Module]) -> Module:
    """`make` under the recipe's seed. Drops img_size from `model_args` if the network fits any size untold."""
    drop_path = {"drop_path_rate": recipe.network.drop_path} if recipe.network.drop_path else {}
    seed_network(recipe.run.seed)
    try:
        return make(**model_args, **drop_path)
    except UserError as error:
        # most convolutional networks of timm have no such argument, and need none; a size one refuses is a mistake
        unwanted = isinstance(error.__cause__, TypeError) and "'img_size'" in str(error.__cause__)
        if "img_size" not in model_args or not unwanted:
            raise
    del model_args["img_size"]
    return seeded(recipe, model_args, make)


def _preprocessing(network: nn.Module, recipe: Recipe) -> Preprocessing:
    """Size and crop from the recipe, mean and std from the network's timm configuration."""
    # timm sets `pretrained_cfg` on every network; nn.Module's stubs call any attribute a tensor or a module
    config: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
    size = recipe.network.img_size
    height, width = config["input_size"][-2:] if size is None else (size, size)
    mean, std = colour_statistics(network, recipe)
    return Preprocessing((height, width), mean, std, recipe.data.interpolation, recipe.data.crop_pct)


def colour_statistics(network: nn.Module, recipe: Recipe) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, std) that the network's images are normalised by, from its timm configuration."""
    config: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]  # as in _preprocessing
    mean, std = tuple(config["mean"]), tuple(config["std"])
    if recipe.network.in_chans == 1:  # timm's configurations are for colour
        mean, std = (fmean(mean),), (fmean(std),)
    return mean, std


def _scale_head(network: nn.Module, factor: float) -> None:
    """Multiplies the classifier's fresh weights and biases; a checkpoint for the same classes replaces them."""
    if factor == 1:
        return
    config: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]  # as in _preprocessing
    head = network.get_submodule(config["classifier"])
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.mul_(factor)


def _start_from(network: nn.Module, path: str, classes: Sequence[str]) -> None:
    """Loads a checkpoint's weights; the classifier only if it was made for the same classes in the same order."""
    given = checkpoint.read(path)
    weights = dict(given.weights)
    if given.metadata.classes != tuple(classes):
        head = f"{network.pretrained_cfg['classifier']}."  # type: ignore[index]  # as in _preprocessing
        weights |= {name: value for name, value in network.state_dict().items() if name.startswith(head)}
    load_exactly(network, fit_checkpoint(weights, network), f"the weights of {path}")
