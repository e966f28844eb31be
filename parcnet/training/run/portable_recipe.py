"""A recipe without this machine's paths, for checkpoints and states, which are copied elsewhere."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from parcnet.data import data_name
from parcnet.recipes import Recipe


def portable_recipe(recipe: Recipe) -> dict[str, Any]:
    """JSON values of the recipe with names in place of paths."""
    start, folder = recipe.network.initial_checkpoint, recipe.data.data_dir
    network = replace(recipe.network, initial_checkpoint=None if start is None else Path(start).resolve().name)
    data = replace(recipe.data, data_dir=None if folder is None else data_name(folder))
    return replace(recipe, network=network, data=data, run=replace(recipe.run, output=None)).to_dict()
