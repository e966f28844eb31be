"""What each task adds to a recipe. `parcnet.tasks.registry` registers it; it is loaded when a recipe asks for it."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from parcnet.base.errors import UserError, unknown


@dataclass(frozen=True, slots=True)
class TaskSection:
    """The section of a recipe that is named after a task."""

    settings: type | None
    """A frozen dataclass of fields; None: the task adds none."""
    unused: tuple[str, ...] = ()
    """Fields of the other sections, SECTION.FIELD, that mean nothing to the task."""


_loaders: dict[str, Callable[[], TaskSection]] = {}


def register_task_section(task: str, load: Callable[[], TaskSection]) -> None:
    """Makes `task` known to recipes; `load` is called when a recipe of the task is read."""
    _loaders[task] = load


def task_names() -> tuple[str, ...]:
    """The registered tasks."""
    return tuple(_loaders)


def task_section(task: str) -> TaskSection:
    """The section of a task. Raises `UserError` for an unknown one, naming the nearest."""
    if task not in _loaders:
        raise unknown("task", task, _loaders)
    return _loaders[task]()


def check_unused(recipe: Any, unused: tuple[str, ...]) -> None:
    """Raises `UserError` for a field that its task ignores and that is not at its default."""
    for place in unused:
        section, _, only = place.partition(".")
        values = getattr(recipe, section)
        for field in fields(values):
            value = getattr(values, field.name)
            if only == field.name and value != field.default:
                raise UserError(
                    f"{place} is {value!r}, which {recipe.task} does not use: leave it out (its default is "
                    f"{field.default!r}), or set another task."
                )
