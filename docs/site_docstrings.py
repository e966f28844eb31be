"""Docstrings of this code as Markdown: what is aligned in columns becomes a list.

    name      what it means,          - `name`: what it means,
              in two lines              in two lines
    other     the next         ->     - `other`: the next

Formulas are indented by four spaces and so are code blocks already.
"""

import re
from typing import Any

import griffe

_ENTRY = re.compile(r"(?P<name>[A-Za-z_`\"][\w`\".,/*()=\[\] -]*?) {2,}(?P<text>\S.*)")


def as_markdown(docstring: str) -> str:
    """`docstring` with each paragraph of aligned columns turned into a list."""
    return "\n\n".join(_paragraph(each) for each in re.split(r"\n[ ]*\n", docstring))


def _paragraph(text: str) -> str:
    lines = text.splitlines()
    first = _ENTRY.fullmatch(lines[0]) if lines else None
    if first is None:
        return text
    column = first.start("text")
    items: list[str] = []
    for line in lines:
        entry = _ENTRY.fullmatch(line)
        if entry is not None and entry.start("text") == column:
            items.append(f"- {_code(entry['name'])}: {entry['text']}")
        elif items and line[:column].strip() == "":
            items[-1] += f" {line.strip()}"
        else:
            return text  # columns that are something else: leave them as they are
    return "\n".join(items)


def _code(name: str) -> str:
    return ", ".join(f"`{each.strip('`')}`" for each in name.split(", "))


class AlignedLists(griffe.Extension):
    """Rewrites every docstring on loading."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


class FunctionsBeforeFiles(griffe.Extension):
    """Where a package exports a function of the same name as the file that holds it, the name is the function's.

    Read without being run, `parcnet.explain.gates` would be the file.
    """

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        _prefer_exports(pkg)


def _prefer_exports(package: griffe.Module) -> None:
    for module in list(package.modules.values()):
        if not module.is_alias:
            _prefer_exports(module)
    for name, path in package.imports.items():
        if name not in (package.exports or ()) or not path.startswith("parcnet."):
            continue
        found, function = package.members.get(name), path.rpartition(".")[2]
        if isinstance(found, griffe.Module) and function in found.members:
            package.members[name] = griffe.Alias(name, found.members[function], parent=package)
        elif isinstance(found, griffe.Alias) and isinstance(
            found.target, griffe.Module
        ):  # resolved to the file already
            package.members[name] = griffe.Alias(name, path, parent=package)
