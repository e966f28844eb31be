"""The recipe section of each task. `parcnet.tasks.registry` registers them; each is loaded when a recipe needs it."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from parcnet.base.errors import UserError, unknown
from parcnet.recipes.values import shortened


@dataclass(frozen=True, slots=True)
class TaskSection:
    """A task's own section of a recipe, which is named after the task."""

    settings: type | None
    """A frozen dataclass of fields; None: the task has no section."""
    unused: tuple[str, ...] = ()
    """Fields of the shared sections, as SECTION.FIELD, that the task does not use."""


_loaders: dict[str, Callable[[], TaskSection]] = {}


def register_task_section(task: str, load: Callable[[], TaskSection]) -> None:
    """Registers `task`; `load` is called when a recipe of the task is read."""
    _loaders[task] = load


def task_names() -> tuple[str, ...]:
    """The registered tasks."""
    return tuple(_loaders)


def task_section(task: str) -> TaskSection:
    """The section of a task. Raises `UserError` for an unknown task, naming the nearest."""
    if task not in _loaders:
        raise unknown("task", task, _loaders)
    return _loaders[task]()


def check_unused(recipe: Any, unused: tuple[str, ...]) -> None:
    """Raises `UserError` for a field that the task does not use and that differs from its default."""
    for full_name in unused:
        section, _, name = full_name.partition(".")
        values = getattr(recipe, section)
        for field in fields(values):
            value = getattr(values, field.name)
            if field.name == name and value != field.default:
                raise UserError(
                    f"{full_name} is {shortened(value)}, which {recipe.task} does not use: leave it out (its default "
                    f"is {field.default!r}), or set another task."
                )
