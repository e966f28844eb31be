"""onnxruntime-web, which runs the network in the browser: from npm, or from a package that somebody has."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parcnet.base import UserError

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
"""What is asked of npm."""
_INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Of that version's archive, as its registry publishes it."""

SCRIPT, BINARY = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
"""The files of the package that a page needs: the build for the CPU alone."""
_LICENCE = Path(__file__).with_name("licences") / "onnxruntime-web.txt"
_SECONDS = 600


def add_runtime(folder: Path, package: Path | None = None) -> str:
    """Puts the runtime and its licence into the new `folder`; returns its version.

    `package` is the unpacked npm package; None: npm fetches `VERSION`. Raises `UserError` for a folder that is not the
    package, without npm, and for an archive that is not the one that was published.
    """
    if package is None:
        with _fetched() as found:
            return _copied(found, folder)
    return _copied(package, folder)


def _copied(package: Path, folder: Path) -> str:
    try:
        about = json.loads((package / "package.json").read_text("utf-8"))
    except (OSError, ValueError):
        about = {}
    missing = [name for name in (SCRIPT, BINARY) if not (package / "dist" / name).is_file()]
    if not isinstance(about, dict) or about.get("name") != PACKAGE or missing:
        raise UserError(
            f"{package} is not an unpacked {PACKAGE}: expected package.json of that name, and in dist/ {SCRIPT} and "
            f"{BINARY}, as `npm pack {PACKAGE}@{VERSION}` brings them."
        )
    folder.mkdir()
    for name in (SCRIPT, BINARY):
        shutil.copyfile(package / "dist" / name, folder / name)
    shutil.copyfile(_LICENCE, folder / "LICENSE.txt")
    return str(about.get("version", "unknown"))


@contextmanager
def _fetched() -> Iterator[Path]:
    """The package in a temporary folder. Nothing of it is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(
            f"the page's runtime, {PACKAGE} {VERSION}, comes from npm, which is not installed here. Install it "
            "(Debian: apt install npm), or name the unpacked package with --onnxruntime-web DIR."
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--pack-destination", name]
        try:
            packed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise UserError(f"npm did not bring {PACKAGE} within {_SECONDS} s: try again.") from None
        archive = next(folder.glob("*.tgz"), None)
        if packed.returncode or archive is None:
            said = [line for line in packed.stderr.splitlines() if "error" in line.lower()] or ["it said nothing"]
            raise UserError(
                f"npm could not bring {PACKAGE} {VERSION}: {said[0].strip()}. See to the connection or to npm's "
                "registry, or name the unpacked package with --onnxruntime-web DIR."
            )
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != _INTEGRITY:
            raise UserError(
                f"what npm brought as {PACKAGE} {VERSION} is not what was published: its hash is sha512-{digest}, "
                f"expected {_INTEGRITY}. Nothing of it was used."
            )
        with tarfile.open(archive) as packed_files:
            packed_files.extractall(folder, filter="data")
        yield folder / "package"
