"""Recipes from and to YAML. An unknown key is an error that suggests the nearest known key and its section.

OmegaConf and pydantic read such files too, but neither rejects a duplicate key or names the section of a misplaced
key, and both convert values silently.
"""

import dataclasses
import typing
from collections.abc import Iterable
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from parcnet.base.errors import UserError, nearest, unknown
from parcnet.base.reading import open_regular
from parcnet.base.untrusted import DEPTH
from parcnet.recipes.sections import Recipe
from parcnet.recipes.task_sections import task_names, task_section
from parcnet.recipes.values import convert, shortened
from parcnet.recipes.yaml_text import LENGTH, parse, render

_LIBRARY = resources.files("parcnet.recipes") / "library"
_FIELDS = {name: kind for name, kind in typing.get_type_hints(Recipe).items() if name != "settings"}
_SECTIONS: dict[str, dict[str, Any]] = {
    name: typing.get_type_hints(kind) for name, kind in _FIELDS.items() if dataclasses.is_dataclass(kind)
}
_TOP = ("base", *_FIELDS)


def packaged() -> dict[str, str]:
    """Name -> first comment line of every packaged recipe; those in subfolders come last."""
    first_lines = {name: file.read_text(encoding="utf-8").split("\n", 1)[0] for name, file in _files(_LIBRARY).items()}
    return {name: first.lstrip("# ") for name, first in first_lines.items()}


def _files(folder: Traversable) -> dict[str, Traversable]:
    """Recipe name -> file, for a folder of the library and its subfolders. Names are file names without the folder."""
    entries = sorted(folder.iterdir(), key=lambda file: (file.is_dir(), file.name))
    files = {file.name.removesuffix(".yaml"): file for file in entries if file.name.endswith(".yaml")}
    for entry in entries:
        if entry.is_dir():
            files.update(_files(entry))
    return files


def read_recipe(name_or_path: str | Path) -> Recipe:
    """A packaged recipe by name, or a YAML file (any path with a suffix or a slash).

    The file holds sections of fields. Fields that it omits keep their default, or the value in the recipe given by
    `base: NAME` (a packaged recipe, or a file relative to this one). Raises `UserError` for a missing file, an unknown
    section or key, and a value of the wrong type or out of range.
    """
    return _read(str(name_or_path), Path(), ())


def to_yaml(recipe: Recipe) -> str:
    """The recipe with every field, as YAML that `read_recipe` reads back to an equal recipe."""
    return render(recipe.to_dict())


def full_names(tasks: Iterable[str]) -> dict[str, list[str]]:
    """Key -> its full names, e.g. lr -> [optimizer.lr]; a section or top-level field maps to its own name.

    Covers the sections of every recipe and those of `tasks`.
    """
    names: dict[str, list[str]] = {}
    for section, keys in {**_SECTIONS, **{task: _task_fields(task) for task in tasks}}.items():
        for key in keys:
            names.setdefault(key, []).append(f"{section}.{key}")
    for key in _TOP:
        names.setdefault(key, []).append(key)
    return names


def _read(name_or_path: str, folder: Path, readers: tuple[str, ...]) -> Recipe:
    text, where, base_folder = _text(name_or_path, folder)
    if where in readers:
        raise UserError(f"circular base recipes: {' -> '.join((*readers, where))}.")
    if len(readers) == DEPTH:
        raise UserError(f"{where}: more than {DEPTH} recipes are each the base of another; write them as one.")
    keys = parse(text, where)
    base = keys.pop("base", None)
    if base is None:
        return apply_sections(Recipe(name=Path(name_or_path).stem), keys, where)
    recipe = _read(convert(base, str, f"{where}: base"), base_folder, (*readers, where))
    return apply_sections(dataclasses.replace(recipe, name=Path(name_or_path).stem), keys, where)


def _text(name_or_path: str, folder: Path) -> tuple[str, str, Path]:
    """(content, its name in messages, folder of its relative bases)."""
    path = Path(name_or_path)
    if not path.suffix and path.name == name_or_path:
        file = _files(_LIBRARY).get(name_or_path)
        if file is None:
            raise unknown("recipe", name_or_path, packaged(), "`parcnet recipes` lists all; for a file, give its path.")
        return file.read_text(encoding="utf-8"), f"recipe {name_or_path}", folder
    path = folder / path
    try:
        return _start_of(path), str(path), path.parent
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"cannot read recipe {path}: {reason}. `parcnet recipes` lists the packaged ones.") from None


def _start_of(path: Path) -> str:
    """The text of a file; of one that is too long for a recipe, enough of it for `parse` to refuse it."""
    with open_regular(path) as file:
        content = file.read(4 * LENGTH + 1)  # UTF-8 has at most four bytes a character
    text = content.decode("utf-8-sig", errors="ignore" if len(content) > 4 * LENGTH else "strict")
    return text.replace("\r\n", "\n")


def apply_sections(recipe: Recipe, keys: dict[str, Any], where: str) -> Recipe:
    """`recipe` updated with the sections and fields of `keys`. `where` prefixes the messages of `UserError`s.

    A change of the task resets its section to the new task's defaults.
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
            raise UserError(f"{where}: the section {key} belongs to another task; this recipe's task is {task}.")
        if key in _SECTIONS:
            changes[key] = _section(getattr(recipe, key), key, value, where)
        elif key in _FIELDS:
            changes[key] = convert(value, _FIELDS[key], f"{where}: {key}")
        else:
            raise _unknown_key(str(key), None, where)
    return dataclasses.replace(recipe, **changes)


def _section(current: Any, section: str, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise UserError(f"{where}: {section} is {shortened(value)}; expected `key: value` lines below `{section}:`.")
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
    """Suggests the nearest keys with their sections: a correct key in the wrong section is a common mistake."""
    known = full_names(task_names())
    guesses = [full for guess in nearest(key, known) for full in known[guess]]
    if section is None and key not in known:  # more likely a misspelt section than a field without its section
        top = nearest(key, _TOP, 1)
        guesses = [*top, *(guess for guess in guesses if guess not in top)][:3]
    hint = f"Did you mean {' or '.join(guesses)}?" if guesses else f"Sections: {', '.join(_SECTIONS)}."
    return UserError(f"{where}: unknown key {shortened(f'{section}.{key}' if section else key)}. {hint}")


def _task_fields(task: str) -> dict[str, Any]:
    """Field -> type, for the task's own section."""
    settings = task_section(task).settings
    return {} if settings is None else typing.get_type_hints(settings)
