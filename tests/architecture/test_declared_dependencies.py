"""Every imported package is declared in pyproject.toml, and every declared one is imported."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_FIRST_PARTY = {"parcnet", "parcnet_cli", "parcnet_lab"}
_DEVELOPMENT = {"test", "lint", "docs", "release", "dev"}
"""Extras that a user does not install: what the packages import has to be in another one."""
_DISTRIBUTIONS = {
    "_tools": "mnn",  # the converter's module, beside MNN
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "wandb": "wandb",
}
"""Module -> distribution where the metadata of what is installed does not tell: absent, or shared names."""


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _normalised(requirement: str) -> str:
    """The distribution's name in a requirement such as `MNN>=3.1`."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def imported(tree: ast.Module) -> Iterator[str]:
    """Modules that a file imports by statement or by a call of `import_module` or `__import__` with a literal."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (each.name for each in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield from (f"{module}.{each.name}" for each in node.names)
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__")):
                match node.args[0]:
                    case ast.Constant(value=str(name)) | ast.JoinedStr(values=[ast.Constant(value=str(name)), *_]):
                        yield name


@pytest.fixture(scope="module")
def third_party(trees) -> dict[str, set[str]]:
    """Distribution -> the files that import it."""
    known = packages_distributions()
    found: dict[str, set[str]] = {}
    for path, tree in trees.items():
        for module in imported(tree):
            top = module.split(".")[0]
            if top in sys.stdlib_module_names or top in _FIRST_PARTY:
                continue
            names = [_DISTRIBUTIONS[top]] if top in _DISTRIBUTIONS else known.get(top, [top])
            if module.startswith("torch.utils.tensorboard"):
                names = ["tensorboard"]  # torch's module needs the package
            for name in names:
                found.setdefault(_normalised(name), set()).add(path.as_posix())
    return found


def test_imports_of_every_kind_are_found() -> None:
    text = "import a.b\nfrom c.d import e\nfrom . import f\nimport_module('g')\nimportlib.import_module(f'h.{x}')\n"
    assert list(imported(ast.parse(text))) == ["a.b", "c.d.e", "g", "h."]


def test_every_imported_package_is_declared(third_party) -> None:
    project = _project()
    extras = project["optional-dependencies"]
    requirements = [*project["dependencies"], *(r for name in extras if name not in _DEVELOPMENT for r in extras[name])]
    declared = {_normalised(each) for each in requirements}
    assert {name: sorted(files) for name, files in third_party.items() if name not in declared} == {}


def test_every_core_dependency_is_imported_by_the_library_or_its_commands(third_party) -> None:
    used = {name for name, files in third_party.items() if any(not file.startswith("parcnet_lab/") for file in files)}
    assert [each for each in _project()["dependencies"] if _normalised(each) not in used] == []


def test_what_only_the_laboratory_imports_is_in_its_extra(third_party) -> None:
    laboratory = {_normalised(each) for each in _project()["optional-dependencies"]["lab"]}
    alone = {name for name, files in third_party.items() if all(file.startswith("parcnet_lab/") for file in files)}
    assert alone - laboratory == set()
