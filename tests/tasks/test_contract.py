"""The rooms above the tasks speak to the contract alone, and every task keeps it."""

import ast
import re
from pathlib import Path

import pytest

import parcnet
import parcnet_cli
from parcnet.base import UserError
from parcnet.recipes import Recipe
from parcnet.tasks.lookup import task_named
from parcnet.tasks.registry import TASKS

ROOT = Path(parcnet.__file__).parent
ROOMS = ("training", "evaluation", "explain", "deploy", "report", "sharing")
COMMANDS = Path(parcnet_cli.__file__).parent
LABORATORY = ("bench", "paper")
"""Commands of the laboratory: experiments are about tasks."""


def sources():
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    commands = [file for file in COMMANDS.rglob("*.py") if file.relative_to(COMMANDS).parts[0] not in LABORATORY]
    return [*files, *commands]


def named_tasks(source: str) -> set[str]:
    """Tasks named by an identifier or a string of a module; docstrings explain and may name them."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    words: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            words.append(node.value)
        elif isinstance(node, ast.Name):
            words.append(node.id)
        elif isinstance(node, ast.Attribute):
            words.append(node.attr)
        elif isinstance(node, ast.ImportFrom):
            words.append(node.module or "")
    pattern = re.compile(rf"(?<![-\w])({'|'.join(TASKS)})(?![-\w])")
    return {name for word in words for name in pattern.findall(word)}


def test_no_room_above_the_tasks_names_one():
    found = {str(file.relative_to(ROOT.parent)): named_tasks(file.read_text()) for file in sources()}
    named = {file: tasks for file, tasks in found.items() if tasks}
    assert named == {}


def test_the_search_finds_a_named_task():
    assert named_tasks('if task == "detection": pass') == {"detection"}
    assert named_tasks("from parcnet.tasks.segmentation.data import x") == {"segmentation"}
    assert named_tasks('"""Of detection."""\ntags = ["image-classification"]') == set()


@pytest.mark.parametrize("name", TASKS)
def test_every_task_keeps_the_contract(name):
    task = task_named(name)
    assert task.name == name
    assert task.best in task.metrics
    assert task.best.name in task.logged
    assert Recipe(task=name).task == name
    assert task.predicts


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(UserError, match="detection"):
        task_named("detektion")
