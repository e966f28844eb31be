"""Adding a task is adding a folder and a line of the registry: no other source file names this one."""

from pathlib import Path

from parcnet.tasks.registry import TASKS

ROOT = Path(__file__).parents[3]
OWN = ROOT / "parcnet" / "tasks" / "multilabel"
REGISTRY = ROOT / "parcnet" / "tasks" / "registry.py"


def test_no_source_file_outside_the_folder_and_the_registry_names_the_task() -> None:
    sources = [path for package in ("parcnet", "parcnet_cli", "parcnet_lab") for path in (ROOT / package).rglob("*.py")]
    assert len(sources) > 300
    named = {path for path in sources if "multilabel" in path.read_text(encoding="utf-8").lower()}
    assert {path for path in named if OWN not in path.parents} == {REGISTRY}
    assert OWN / "task.py" in named


def test_the_registry_names_it_once() -> None:
    assert "multilabel" in TASKS
    lines = REGISTRY.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "multilabel" in line] == ['    "multilabel",']


def test_the_folder_uses_no_other_task() -> None:
    others = [f"parcnet.tasks.{name}" for name in TASKS if name != "multilabel"]
    sources = {path: path.read_text(encoding="utf-8") for path in OWN.rglob("*.py")}
    assert sources
    assert {path.name for path, text in sources.items() if any(other in text for other in others)} == set()
