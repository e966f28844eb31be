"""Tasks by name and by network."""

import importlib

from torch import nn

from parcnet.base import unknown
from parcnet.tasks.registry import TASKS
from parcnet.tasks.task import Task

DEFAULT = "classification"
"""The task of networks without a `task` attribute: timm's classifiers."""


def task_named(name: str, source: str = "") -> Task:
    """The task, loaded on first use. Raises `UserError` for an unknown name, mentioning its `source`, e.g. a file."""
    if name not in TASKS:
        raise unknown("task", name, TASKS, f"It is the task of {source}." if source else "")
    task: Task = importlib.import_module(f"parcnet.tasks.{name}.task").TASK
    return task


def task_of_network(network: nn.Module) -> Task:
    """The task in the network's `task` attribute, `DEFAULT` without one."""
    return task_named(getattr(network, "task", DEFAULT))
