"""Recipes of training runs: frozen dataclasses, YAML files and overrides. Does not import torch."""

from parcnet.recipes.overrides import override
from parcnet.recipes.reader import packaged, read_recipe, to_yaml
from parcnet.recipes.sections import Augmentation, Data, Network, Optimizer, Recipe, Run, Schedule
from parcnet.recipes.task_sections import TaskSection, register_task_section

__all__ = [
    "Augmentation",
    "Data",
    "Network",
    "Optimizer",
    "Recipe",
    "Run",
    "Schedule",
    "TaskSection",
    "override",
    "packaged",
    "read_recipe",
    "register_task_section",
    "to_yaml",
]
