"""Single values of a recipe set by text: `optimizer.lr=1e-3`."""

from collections.abc import Iterable
from typing import Any

from parcnet.base.errors import UserError
from parcnet.recipes.reader import applied, full_names
from parcnet.recipes.sections import Recipe
from parcnet.recipes.yaml_text import parse


def override(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """`recipe` with each `SECTION.KEY=VALUE` in place, the last one winning; the values are YAML: `null`, `[0.3, 1]`.

    All are applied at once, so that values which must fit each other can be set together. A section may be left out,
    since no two sections have a key in common. Raises `UserError` as `read_recipe` does.
    """
    sections: dict[str, Any] = {}
    said = []
    for text in settings:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise UserError(f"--set {text!r}: expected KEY=VALUE, e.g. --set optimizer.lr=1e-3.")
        said.append(text)
        section, key = _place(path.strip(), recipe.task)
        if "\n" in value or path.strip() == "base":
            raise UserError(f"--set {text!r}: expected one value of one field; a base is chosen with -c.")
        given = parse(f"value: {value}", f"--set {text}")["value"]
        if section is None:
            sections[key] = given
        else:
            sections.setdefault(section, {})[key] = given
    return applied(recipe, sections, f"--set {' '.join(said)}") if sections else recipe


def _place(path: str, task: str) -> tuple[str | None, str]:
    """(section, key); a lone key is looked up. What is unknown stays as written, for `applied` to name."""
    section, dot, key = path.partition(".")
    if dot:
        return section, key
    found = full_names((task,)).get(path, [path])[0].partition(".")
    return (found[0], found[2]) if found[1] else (None, path)
