"""The registry of tasks. Each is a folder beside this file, whose modules are loaded when the task is used:

recipe.py   `SECTION`, the task's section of a recipe (does not import torch)
task.py     `TASK`, its implementation of `Task`
"""

import importlib
from collections.abc import Callable

from parcnet.recipes import TaskSection, register_task_section

TASKS = (
    "classification",
    "multilabel",
    "detection",
    "segmentation",
)
"""In the order of `--help`."""


def _section_of(task: str) -> Callable[[], TaskSection]:
    def load() -> TaskSection:
        section: TaskSection = importlib.import_module(f"parcnet.tasks.{task}.recipe").SECTION
        return section

    return load


for _name in TASKS:
    register_task_section(_name, _section_of(_name))
