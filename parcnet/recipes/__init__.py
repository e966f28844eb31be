"""Training runs as frozen dataclasses and YAML. Knows no torch."""

from parcnet.tasks.detection.recipe import Detection
from parcnet.recipes.overrides import override
from parcnet.recipes.reader import packaged, read_recipe, to_yaml
from parcnet.recipes.sections import Augmentation, Data, Network, Optimizer, Recipe, Run, Schedule
from parcnet.tasks.segmentation.recipe import Segmentation

__all__ = [
    "Augmentation",
    "Data",
    "Detection",
    "Network",
    "Optimizer",
    "Recipe",
    "Run",
    "Schedule",
    "Segmentation",
    "override",
    "packaged",
    "read_recipe",
    "to_yaml",
]
