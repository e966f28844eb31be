"""The training states of a run on the disk: written whole or not at all, two kept, a damaged one named."""

from pathlib import Path

from parcnet.base import UserError, atomic_path, warn
from parcnet.training.run.state import opened

KEPT = 2
"""States that stay: should the last one be damaged, the one before goes on."""
FOLDER = "states"


def write_state(folder: Path, step: int, content: bytes) -> Path:
    """Writes RUN/states/step-00000123.safetensors and then removes all but the newest `KEPT`."""
    path = folder / FOLDER / _name(step)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    for old in states(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def take_back(folder: Path, step: int) -> None:
    """Removes the states after `step`: the run that goes on from there writes them, and the logs, anew."""
    for later in states(folder):
        if later.name > _name(step):
            later.unlink(missing_ok=True)


def states(folder: Path) -> list[Path]:
    """Those of a run folder, the newest first."""
    return sorted((folder / FOLDER).glob("step-*.safetensors"), reverse=True)


def newest_good(folder: Path) -> tuple[Path, bytes] | None:
    """The newest undamaged state; None when there is none at all. Damaged ones are named in a warning.

    Raises `UserError` when all are damaged: starting anew would throw work away that a person may still rescue.
    """
    found = states(folder)
    for path in found:
        try:
            return path, good(path)
        except UserError as error:
            warn(f"{error} Trying the state before it.")
    if found:
        raise UserError(f"every training state in {folder / FOLDER} is damaged. Restore one, or use another --output.")
    return None


def good(path: Path) -> bytes:
    """The file's bytes. `UserError` naming it when it is missing, truncated, altered, or no training state."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from None
    opened(content, str(path))
    return content


def _name(step: int) -> str:
    return f"step-{step:08d}.safetensors"
