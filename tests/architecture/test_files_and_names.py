"""Small files, and one class a name."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = {"parcnet": 400, "parcnet_cli": 200, "parcnet_lab": 400, "tests": 400}
"""Lines of a file, by folder."""
_SAME: dict[str, str] = {}
"""Public classes that may share a name, and why."""


@pytest.mark.parametrize(("folder", "longest"), LONGEST.items())
def test_no_file_is_too_long(folder, longest) -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / folder).rglob("*.py")
    }
    assert lengths
    assert {path: lines for path, lines in lengths.items() if lines > longest} == {}


def _place(path: Path) -> str:
    """Where a class stands; files of the same name in the tasks' folders count as one, for they say the same."""
    if path.parts[:2] == ("parcnet", "tasks") and len(path.parts) > 3:
        return "/".join(("parcnet/tasks/TASK", *path.parts[3:]))
    return path.as_posix()


def test_no_two_public_classes_share_a_name(trees) -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for path, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(_place(path))
    assert places
    twice = {name: sorted(found) for name, found in places.items() if len(found) > 1}
    assert {name: found for name, found in twice.items() if name not in _SAME} == {}
    assert set(_SAME) <= set(twice)  # an exception that is not needed any more goes
