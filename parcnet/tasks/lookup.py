"""A task by its name, or the one that a network belongs to."""

import importlib

from torch import nn

from parcnet.base import unknown
from parcnet.tasks.registry import TASKS
from parcnet.tasks.task import Task

DEFAULT = "classification"
"""The task of a network that names none: any classifier of timm."""


def task_named(name: str, called: str = "") -> Task:
    """The task, loaded on first use. Raises `UserError` for an unknown name; `called` says what has that name."""
    if name not in TASKS:
        raise unknown("task", name, TASKS, f"It is that of {called}." if called else "")
    task: Task = importlib.import_module(f"parcnet.tasks.{name}.task").TASK
    return task


def task_of_network(network: nn.Module) -> Task:
    """The task that a network names in its `task` attribute; `DEFAULT` for a network of timm, which has none."""
    return task_named(getattr(network, "task", DEFAULT))
