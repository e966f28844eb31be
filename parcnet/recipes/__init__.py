"""Training runs as frozen dataclasses and YAML. Knows no torch."""

from parcnet.recipes.overrides import override
from parcnet.recipes.reader import packaged, read_recipe, to_yaml
from parcnet.recipes.sections import Augmentation, Data, Network, Optimizer, Recipe, Run, Schedule

__all__ = [
    "Augmentation",
    "Data",
    "Network",
    "Optimizer",
    "Recipe",
    "Run",
    "Schedule",
    "override",
    "packaged",
    "read_recipe",
    "to_yaml",
]
