"""Tables of commands whose modules all exist, and helpers that know no command."""

import ast
import importlib
from pathlib import Path

import pytest

from parcnet_cli import main
from parcnet_cli.bench import command as bench
from parcnet_cli.data import command as data
from parcnet_cli.explain import command as explain
from parcnet_cli.paper import command as paper

CODE = Path(main.__file__).parent
FILES = sorted(CODE.rglob("*.py"))
TABLES = {
    "parcnet": main._MODULES,
    **{each.__name__: each.SUBCOMMANDS for each in (bench, data, explain, paper)},
}


def _at_import(tree: ast.Module) -> list[str]:
    """The modules that a file imports when it is imported itself."""
    names = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CODE)))
def test_the_library_is_imported_inside_functions(path):
    roots = {name.partition(".")[0] for name in _at_import(ast.parse(path.read_text(encoding="utf-8")))}
    assert not roots & {"parcnet", "parcnet_lab", "torch", "timm", "numpy", "matplotlib"}


@pytest.mark.parametrize("table", TABLES)
def test_every_module_of_a_table_has_run(table):
    for module in TABLES[table].values():
        assert callable(importlib.import_module(module).run), module


def test_shared_helpers_stand_below_the_commands():
    for path in (CODE / "common").glob("*.py"):
        for name in _at_import(ast.parse(path.read_text(encoding="utf-8"))):
            assert not name.startswith("parcnet_cli") or name.startswith("parcnet_cli.common"), path
