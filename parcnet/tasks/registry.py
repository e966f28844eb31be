"""The tasks. Each is a folder beside this file, whose modules are loaded when the task is asked for:

recipe.py   `SECTION`, the task's part of a recipe (knows no torch)
task.py     `TASK`, all that training, evaluation, export, explanation and the commands ask
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
"""In the order in which help lists them."""


def _section_of(task: str) -> Callable[[], TaskSection]:
    def load() -> TaskSection:
        section: TaskSection = importlib.import_module(f"parcnet.tasks.{task}.recipe").SECTION
        return section

    return load


for _name in TASKS:
    register_task_section(_name, _section_of(_name))
