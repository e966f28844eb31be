"""Recipe -> a new network: the parts that tasks share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean
from typing import Any, TypeVar

from torch import nn

from parcnet.base import UserError
from parcnet.data import Preprocessing
from parcnet.data.device_seeds import seed_initial_weights
from parcnet.models.arguments import check_model_arguments
from parcnet.recipes import Recipe
from parcnet.recipes.yaml_text import arguments
from parcnet.tasks.backbone import Backbone, build_backbone

Module = TypeVar("Module", bound=nn.Module)

_OWN_FIELDS = ("in_chans", "num_classes", "img_size", "kernel_fit", "drop_path_rate")
"""Arguments of timm.create_model that are set by other fields of the recipe or by the data."""


@dataclass(frozen=True, slots=True)
class BuiltNetwork:
    """A new network on the CPU, and what a checkpoint must record about it."""

    network: nn.Module
    model_args: dict[str, Any]
    """Keyword arguments of `timm.create_model` that rebuild it."""
    preprocessing: Preprocessing
    task_args: dict[str, Any] = field(default_factory=dict)
    """Further arguments that the task needs to rebuild it; see `Metadata.task_args`."""
    notes: tuple[str, ...] = ()
    """Messages about how it was built, printed when the run starts."""


def model_arguments(recipe: Recipe) -> dict[str, Any]:
    """Arguments of timm.create_model except the number of classes and the training-only ones. Raises `UserError`."""
    settings = recipe.network
    extra = arguments(settings.model_args, "network.model_args")
    if taken := sorted(extra.keys() & set(_OWN_FIELDS)):
        raise UserError(
            f"network.model_args has {taken[0]}, which other fields of the recipe or the data set: leave it out."
        )
    check_model_arguments(settings.model, extra, "network.model_args")
    model_args: dict[str, Any] = {"in_chans": settings.in_chans, **extra}
    if settings.kernel_fit is not None:
        model_args["kernel_fit"] = settings.kernel_fit
    if settings.img_size is not None:
        model_args["img_size"] = settings.img_size
    return model_args


def build_seeded(recipe: Recipe, model_args: dict[str, Any], make: Callable[..., Module]) -> Module:
    """`make(**model_args)` under the recipe's seed: initial weights depend on the seed alone.

    Removes img_size from `model_args` if the network has no such argument because it accepts any size.
    """
    drop_path = {"drop_path_rate": recipe.network.drop_path} if recipe.network.drop_path else {}
    seed_initial_weights(recipe.run.seed)
    try:
        return make(**model_args, **drop_path)
    except UserError as error:
        # most convolutional networks of timm need no such argument; a size that a network rejects is an error
        not_accepted = isinstance(error.__cause__, TypeError) and "'img_size'" in str(error.__cause__)
        if "img_size" not in model_args or not not_accepted:
            raise
    del model_args["img_size"]
    return build_seeded(recipe, model_args, make)


def build_recipe_backbone(recipe: Recipe, *, norm: bool = True) -> tuple[Backbone, dict[str, Any]]:
    """(the recipe's backbone, initialised under its seed; the arguments that rebuild it). Raises `UserError`."""
    model_args = model_arguments(recipe)
    return build_seeded(recipe, model_args, partial(_backbone, recipe.network.model, norm)), model_args


def colour_statistics(network: nn.Module, recipe: Recipe) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, std) of the network's input normalisation, from its timm configuration."""
    # timm sets `pretrained_cfg` on every network; nn.Module's stubs type any attribute as a tensor or a module
    config: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
    mean, std = tuple(config["mean"]), tuple(config["std"])
    if recipe.network.in_chans == 1:  # timm's configurations are for RGB
        mean, std = (fmean(mean),), (fmean(std),)
    return mean, std


def recompute_activations(network: nn.Module, model: str) -> None:
    """Turns on gradient checkpointing. Raises `UserError` for a network that has none."""
    try:
        network.set_grad_checkpointing(True)  # type: ignore[operator]  # timm's contract; stubs call it a tensor
    except (AttributeError, AssertionError):
        raise UserError(f"{model} cannot recompute its maps: leave grad_checkpointing out.") from None


def _backbone(model: str, norm: bool, **model_args: Any) -> Backbone:
    return build_backbone(model, model_args, norm=norm)
