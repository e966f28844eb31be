"""What is loaded by importing the library and by `--help`: no laboratory, and no package that only a picture needs."""

import json
import subprocess
import sys
from pathlib import Path

from parcnet_cli.main import _MODULES

ROOT = Path(__file__).parents[2]
LATE = ("matplotlib", "jinja2", "sklearn", "scipy", "parcnet_lab")
"""Loaded when a picture, a page, the digits, a corruption or a measurement is asked for."""

_SCRIPT = """
import contextlib, importlib, io, json, sys

def late():
    return {name.partition(".")[0] for name in sys.modules} & set(asked["late"])

asked = json.loads(sys.argv[1])
report, known = {}, late()
for step in asked["steps"]:
    with contextlib.redirect_stdout(io.StringIO()):
        if step.startswith("parcnet "):
            from parcnet_cli.main import main
            main(step.split()[1:])
        else:
            importlib.import_module(step)
    report[step] = sorted(late() - known)
    known |= late()
print(json.dumps(report))
"""


HELP = [f"parcnet {command} --help" for command in _MODULES]


def _modules() -> list[str]:
    """The rooms of the library, and every module of its tasks and of training."""
    rooms = [path.parent for path in sorted((ROOT / "parcnet").glob("*/__init__.py"))]
    inside = [path for room in ("tasks", "training") for path in sorted((ROOT / "parcnet" / room).rglob("*.py"))]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (*rooms, *inside)]
    return ["parcnet", *dict.fromkeys(name.removesuffix(".__init__") for name in names)]


def _loaded(steps: list[str], late: tuple[str, ...]) -> dict[str, list[str]]:
    """Step -> which of `late` were loaded by it and not before it, in one fresh process."""
    asked = json.dumps({"steps": steps, "late": late})
    command = [sys.executable, "-c", _SCRIPT, asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_help_and_imports_load_nothing_early() -> None:
    brought = {name for names in _loaded(["torch", "timm", "torchvision"], LATE).values() for name in names}
    late = tuple(name for name in LATE if name not in brought)  # what those load by themselves is not ours to avoid
    assert "parcnet_lab" in late
    steps = [*HELP, *_modules()]  # the commands first, for modules of the library load more
    assert len(steps) > len(_MODULES) + 50
    assert {step: names for step, names in _loaded(steps, late).items() if names} == {}


def test_what_is_loaded_is_seen() -> None:
    assert _loaded(["parcnet.plots", "jinja2"], ("jinja2", "matplotlib")) == {"parcnet.plots": [], "jinja2": ["jinja2"]}
