"""Recipes from and to YAML. An unknown key is an error that names the nearest known one and its section.

OmegaConf and pydantic read such files too, but neither refuses a key written twice, nor names the section in which a
misplaced key belongs; both convert values silently.
"""

import dataclasses
import typing
from collections.abc import Iterable
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from parcnet.base.errors import UserError, nearest, unknown
from parcnet.recipes.sections import Recipe
from parcnet.recipes.task_sections import task_names, task_section
from parcnet.recipes.values import convert, shown
from parcnet.recipes.yaml_text import parse, render

_LIBRARY = resources.files("parcnet.recipes") / "library"
_FIELDS = {name: kind for name, kind in typing.get_type_hints(Recipe).items() if name != "settings"}
_SECTIONS: dict[str, dict[str, Any]] = {
    name: typing.get_type_hints(kind) for name, kind in _FIELDS.items() if dataclasses.is_dataclass(kind)
}
_TOP = ("base", *_FIELDS)


def packaged() -> dict[str, str]:
    """Name -> first comment line of every recipe that comes with the package, those in folders after the others."""
    firsts = {name: file.read_text(encoding="utf-8").split("\n", 1)[0] for name, file in _files(_LIBRARY).items()}
    return {name: first.lstrip("# ") for name, first in firsts.items()}


def _files(folder: Traversable) -> dict[str, Traversable]:
    """Recipe name -> file, of a folder of the library and those in it; a name is the file's, whatever its folder."""
    found = sorted(folder.iterdir(), key=lambda file: (file.is_dir(), file.name))
    files = {file.name.removesuffix(".yaml"): file for file in found if file.name.endswith(".yaml")}
    for inner in found:
        if inner.is_dir():
            files.update(_files(inner))
    return files


def read_recipe(name_or_path: str | Path) -> Recipe:
    """A packaged recipe by its name, or one from a YAML file (anything with a suffix or a slash).

    The file holds sections of known fields; what it leaves out keeps the default, or the value of the recipe that
    `base: NAME` names (a packaged one, or a file relative to this one). Raises `UserError` for a file that is not
    there, an unknown section or key, and a value of the wrong type or out of range.
    """
    return _read(str(name_or_path), Path(), ())


def to_yaml(recipe: Recipe) -> str:
    """The recipe with every field, as YAML that `read_recipe` reads back to an equal one."""
    return render(recipe.to_dict())


def full_names(tasks: Iterable[str]) -> dict[str, list[str]]:
    """Key -> where it may stand, e.g. lr -> [optimizer.lr]; for a section, and a field of none, its own name.

    Of the sections that every recipe has and of those of `tasks`.
    """
    names: dict[str, list[str]] = {}
    for section, keys in {**_SECTIONS, **{task: _task_fields(task) for task in tasks}}.items():
        for key in keys:
            names.setdefault(key, []).append(f"{section}.{key}")
    for key in _TOP:
        names.setdefault(key, []).append(key)
    return names


def _read(name_or_path: str, folder: Path, users: tuple[str, ...]) -> Recipe:
    text, where, home = _text(name_or_path, folder)
    if where in users:
        raise UserError(f"recipes use each other as base in a circle: {' -> '.join((*users, where))}.")
    keys = parse(text, where)
    base = keys.pop("base", None)
    if base is None:
        return applied(Recipe(name=Path(name_or_path).stem), keys, where)
    recipe = _read(convert(base, str, f"{where}: base"), home, (*users, where))
    return applied(dataclasses.replace(recipe, name=Path(name_or_path).stem), keys, where)


def _text(name_or_path: str, folder: Path) -> tuple[str, str, Path]:
    """(content, how to call it in messages, folder of its relative bases)."""
    path = Path(name_or_path)
    if not path.suffix and path.name == name_or_path:
        file = _files(_LIBRARY).get(name_or_path)
        if file is None:
            raise unknown("recipe", name_or_path, packaged(), "`parcnet recipes` lists all; a file is given as a path.")
        return file.read_text(encoding="utf-8"), f"recipe {name_or_path}", folder
    path = folder / path
    try:
        return path.read_text(encoding="utf-8"), str(path), path.parent
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"cannot read recipe {path}: {reason}. `parcnet recipes` lists the packaged ones.") from None


def applied(recipe: Recipe, keys: dict[str, Any], where: str) -> Recipe:
    """`recipe` with the sections and fields of `keys` in place. `where` begins the messages of `UserError`s.

    Another task begins with its own defaults.
    """
    task = convert(keys.get("task", recipe.task), str, f"{where}: task")
    try:
        section = task_section(task)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    defaults = None if section.settings is None else section.settings()
    settings = recipe.settings if task == recipe.task else defaults
    changes: dict[str, Any] = {"settings": settings}
    for key, value in keys.items():
        if key == task and settings is not None:
            changes["settings"] = _section(settings, key, value, where)
            continue
        if key in task_names():
            raise UserError(f"{where}: the section {key} is for another task; this recipe's task is {task}.")
        if key in _SECTIONS:
            changes[key] = _section(getattr(recipe, key), key, value, where)
        elif key in _FIELDS:
            changes[key] = convert(value, _FIELDS[key], f"{where}: {key}")
        else:
            raise _unknown_key(str(key), None, where)
    return dataclasses.replace(recipe, **changes)


def _section(current: Any, section: str, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise UserError(f"{where}: {section} is {shown(value)}; expected `key: value` lines below `{section}:`.")
    known = _SECTIONS.get(section) or _task_fields(section)
    for key in value:
        if key not in known:
            raise _unknown_key(str(key), section, where)
    changes = {key: convert(each, known[key], f"{where}: {section}.{key}") for key, each in value.items()}
    try:
        return dataclasses.replace(current, **changes)
    except UserError as error:
        raise UserError(f"{where}: {section}.{error}") from None


def _unknown_key(key: str, section: str | None, where: str) -> UserError:
    """Names the nearest key together with the section it belongs to: a right key in a wrong section is common."""
    known = full_names(task_names())
    guesses = [full for guess in nearest(key, known) for full in known[guess]]
    if section is None and key not in known:  # a section misspelt, more likely than a field without its section
        top = nearest(key, _TOP, 1)
        guesses = [*top, *(guess for guess in guesses if guess not in top)][:3]
    hint = f"Did you mean {' or '.join(guesses)}?" if guesses else f"Sections: {', '.join(_SECTIONS)}."
    return UserError(f"{where}: unknown key {shown(f'{section}.{key}' if section else key)}. {hint}")


def _task_fields(task: str) -> dict[str, Any]:
    """Field -> type of the task's own section."""
    settings = task_section(task).settings
    return {} if settings is None else typing.get_type_hints(settings)
