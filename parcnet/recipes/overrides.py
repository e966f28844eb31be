"""Overrides of single recipe fields as text: `optimizer.lr=1e-3`."""

from collections.abc import Iterable
from typing import Any

from parcnet.base.errors import UserError
from parcnet.recipes.reader import apply_sections, full_names
from parcnet.recipes.sections import Recipe
from parcnet.recipes.yaml_text import parse


def override(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """`recipe` with each `SECTION.KEY=VALUE` applied, later ones winning. Values are YAML, e.g. `null` or `[0.3, 1]`.

    All are applied at once, so that values that depend on each other can be set together. The section may be omitted,
    since no two sections share a key. Raises `UserError` as `read_recipe` does.
    """
    sections: dict[str, Any] = {}
    texts = list(settings)
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise UserError(f"--set {text!r}: expected KEY=VALUE, e.g. --set optimizer.lr=1e-3.")
        section, key = _split_path(path.strip(), recipe.task)
        if "\n" in value or path.strip() == "base":
            raise UserError(f"--set {text!r}: expected one value of one field; use -c to select the base recipe.")
        parsed = parse(f"value: {value}", f"--set {text}")["value"]
        if section is None:
            sections[key] = parsed
        else:
            sections.setdefault(section, {})[key] = parsed
    return apply_sections(recipe, sections, f"--set {' '.join(texts)}") if sections else recipe


def _split_path(path: str, task: str) -> tuple[str | None, str]:
    """(section, key); finds the section of a lone key. Unknown keys stay as written: `apply_sections` reports them."""
    section, dot, key = path.partition(".")
    if dot:
        return section, key
    section, dot, key = full_names((task,)).get(path, [path])[0].partition(".")
    return (section, key) if dot else (None, path)
