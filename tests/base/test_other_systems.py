"""Systems without fcntl and resource, simulated: Windows itself has not been tried."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import parcnet
from parcnet.base import locks, resident_memory

_ROOT = Path(parcnet.__file__).parents[1]
_POSIX = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix"}
_GUARDED = {Path(locks.__file__), Path(resident_memory.__file__)}
_WITHOUT = """
import sys
sys.modules["fcntl"] = sys.modules["resource"] = None  # importing them raises ImportError
"""


@pytest.mark.parametrize("package", ["parcnet", "parcnet_cli", "parcnet_lab"])
def test_modules_that_windows_lacks_are_imported_in_guarded_places_alone(package):
    found = []
    for path in (_ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            if _POSIX & {name.split(".")[0] for name in names} and path not in _GUARDED:
                found.append(str(path))
    assert found == []


def test_the_peak_of_memory_is_unknown_without_resource(monkeypatch):
    assert resident_memory.peak_resident_bytes() > 1e6
    monkeypatch.setattr(resident_memory, "resource", None)
    assert resident_memory.peak_resident_bytes() is None


def run(code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", _WITHOUT + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow  # without it, no whole process runs without these modules
def test_every_room_is_imported_and_files_are_written_without_fcntl_and_resource(tmp_path):
    said = run(
        """
import parcnet.training, parcnet.data, parcnet.sharing, parcnet.deploy, parcnet.explain, parcnet.report
import parcnet_lab.bench.memory_probe
import torch
from pathlib import Path
from parcnet.base import write_text
from parcnet.base.resident_memory import peak_resident_bytes
from parcnet.training.loop.memory import peak_megabytes
from parcnet.training.run.folder import RunFolder

folder = Path(sys.argv[1]) / "run"
with RunFolder(folder).locked():
    write_text(folder / "a.txt", "a")
print(peak_resident_bytes(), peak_megabytes(torch.device("cpu")), (folder / "a.txt").read_text())
""",
        tmp_path,
    )
    assert said.split() == ["None", "None", "a"]
