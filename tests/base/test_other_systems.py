"""Systems without fcntl and resource, simulated: Windows itself has not been tried."""

import subprocess
import sys

_WITHOUT = """
import sys
sys.modules["fcntl"] = sys.modules["resource"] = None  # importing them raises ImportError
"""


def run(code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", _WITHOUT + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


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
