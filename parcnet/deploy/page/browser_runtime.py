"""onnxruntime-web, the runtime in the browser: downloaded by npm, or copied from an unpacked package."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parcnet.base import UserError
from parcnet.base.untrusted import parse_json

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
"""The npm package."""
_INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Published hash of that version's archive."""

SCRIPT, BINARY = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
"""The files of the package that a page needs: the CPU build."""
_LICENCE = Path(__file__).with_name("licences") / "onnxruntime-web.txt"
_SECONDS = 600


def add_runtime(folder: Path, package: Path | None = None) -> str:
    """Copies the runtime and its licence into the new `folder`; returns its version.

    `package` is the unpacked npm package; None downloads `VERSION` with npm. Raises `UserError` for a folder that is
    not the package, without npm, and for an archive that differs from the published one.
    """
    if package is None:
        with _downloaded() as unpacked:
            return _copied(unpacked, folder)
    return _copied(package, folder)


def _copied(package: Path, folder: Path) -> str:
    try:
        about = parse_json((package / "package.json").read_bytes())
    except (OSError, ValueError):
        about = {}
    missing = [name for name in (SCRIPT, BINARY) if not (package / "dist" / name).is_file()]
    if not isinstance(about, dict) or about.get("name") != PACKAGE or missing:
        raise UserError(
            f"{package} is not an unpacked {PACKAGE}: expected its package.json, and dist/{SCRIPT} and dist/{BINARY}. "
            f"`npm pack {PACKAGE}@{VERSION}` downloads it."
        )
    folder.mkdir()
    for name in (SCRIPT, BINARY):
        shutil.copyfile(package / "dist" / name, folder / name)
    shutil.copyfile(_LICENCE, folder / "LICENSE.txt")
    return str(about.get("version", "unknown"))


@contextmanager
def _downloaded() -> Iterator[Path]:
    """The package in a temporary folder. None of its scripts are run."""
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(
            f"downloading the page's runtime, {PACKAGE} {VERSION}, needs npm, which is not installed. Install it "
            "(Debian: apt install npm), or name the unpacked package with --onnxruntime-web DIR."
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--pack-destination", name]
        try:
            packed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise UserError(f"npm did not download {PACKAGE} within {_SECONDS} s: try again.") from None
        archive = next(folder.glob("*.tgz"), None)
        if packed.returncode or archive is None:
            errors = [line for line in packed.stderr.splitlines() if "error" in line.lower()] or ["no error message"]
            raise UserError(
                f"npm could not download {PACKAGE} {VERSION}: {errors[0].strip()}. Check the connection and npm's "
                "registry, or name the unpacked package with --onnxruntime-web DIR."
            )
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != _INTEGRITY:
            raise UserError(
                f"npm's archive of {PACKAGE} {VERSION} differs from the published one: its hash is sha512-{digest}, "
                f"expected {_INTEGRITY}. It was not used; check npm's registry."
            )
        with tarfile.open(archive) as packed_files:
            packed_files.extractall(folder, filter="data")
        yield folder / "package"
