"""Tries a wheel where nothing else is: `python tests/release/smoke.py dist/parcnet-*.whl`.

Makes an empty virtual environment in a temporary folder, installs the wheel with its dependencies as pinned by
constraints.txt, and uses it there, away from the checkout. With --borrow the dependencies are those of the Python that
runs this: seconds instead of gigabytes, and the wheel's own list of dependencies is then not tried.
"""

import argparse
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

_CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
_FORWARD = """
import pathlib, sys, timm, torch, parcnet
assert pathlib.Path(sys.prefix) in pathlib.Path(parcnet.__file__).parents, parcnet.__file__
model = timm.create_model("parcnetv2_xt", num_classes=7).eval()
with torch.no_grad():
    logits = model(torch.randn(1, 3, 96, 64))
assert logits.shape == (1, 7) and logits.isfinite().all()
print("forward pass of parcnetv2_xt: fine, from", parcnet.__file__)
"""


def main() -> None:
    """Raises CalledProcessError at the first thing that does not work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--borrow", action="store_true", help="use the dependencies of this Python")
    asked = parser.parse_args()
    wheel = str(asked.wheel.resolve(strict=True))
    with tempfile.TemporaryDirectory(prefix="parcnet-smoke-") as name:
        folder = Path(name).resolve()
        venv.create(folder / "env", with_pip=False, symlinks=True)
        binaries = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin")
        python = str(binaries / "python")
        if asked.borrow:
            _lend(folder / "env", python)
        how = ["--no-deps"] if asked.borrow else ["-c", str(_CONSTRAINTS)]
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "-q",
        ]
        _run([*pip, *how, wheel], folder)
        command = str(binaries / "parcnet")
        for arguments in (
            ["--version"],
            ["models"],
            ["recipes"],
            ["paper", "iccv-table1"],
            ["train", "--epochs", "1", "--warmup-epochs", "0"],
        ):
            _run([command, *arguments], folder)
        _run([python, "-c", _FORWARD], folder)
    print(f"{asked.wheel.name} works in an environment of its own")


def _lend(environment: Path, python: str) -> None:
    """Lets the new Python see our packages. Their own .pth files, an editable parcnet among them, are not followed."""
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    theirs = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    assert environment in theirs.parents, theirs
    (theirs / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")


def _run(command: list[str], folder: Path) -> None:
    print("$", Path(command[0]).name, *(each if "\n" not in each else "..." for each in command[1:]), flush=True)
    subprocess.run(command, cwd=folder, check=True)


if __name__ == "__main__":
    main()
