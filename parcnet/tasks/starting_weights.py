"""Recipe -> backbone, as the tasks that build something upon one begin."""

from functools import partial
from typing import Any

from torch import nn

from parcnet import checkpoint
from parcnet.recipes import Recipe
from parcnet.tasks.backbone import Backbone, build_backbone
from parcnet.tasks.weights import LoadReport, load_backbone, load_matching
from parcnet.tasks.building import arguments_of, seeded


def backbone_of(recipe: Recipe, *, norm: bool = True) -> tuple[Backbone, dict[str, Any]]:
    """(a fresh backbone under the recipe's seed, the arguments that rebuild it). Raises `UserError`."""
    model_args = arguments_of(recipe)
    return seeded(recipe, model_args, partial(_backbone, recipe.network.model, norm)), model_args


def start_from(network: nn.Module, backbone: Backbone, recipe: Recipe) -> LoadReport | None:
    """Puts in the weights that the recipe starts from: of a classifier into the backbone, of its own task into all.

    None for none. Raises `UserError` for weights that fit nowhere.
    """
    path = recipe.network.initial_checkpoint
    if path is None:
        return None
    given = checkpoint.read(path)
    if given.metadata.task == recipe.task:
        return load_matching(network, given, path)
    return load_backbone(backbone, path)


def _backbone(model: str, norm: bool, **model_args: Any) -> Backbone:
    return build_backbone(model, model_args, norm=norm)
