"""The training states of a run on the disk: written whole or not at all, two kept, a damaged one named."""

from pathlib import Path

from parcnet.base import UserError, atomic_path, warn
from parcnet.training.run.state import TrainingState, parse_state

KEPT = 2
"""States that stay: should the last one be damaged, the one before it serves."""
FOLDER = "states"


def write_state(folder: Path, step: int, content: bytes) -> Path:
    """Writes RUN/states/step-00000123.safetensors, then removes all but the newest `KEPT`."""
    path = folder / FOLDER / _name(step)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    for old in states(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def remove_later(folder: Path, step: int) -> None:
    """Removes the states after `step`: the run that resumes there writes them, and the logs, anew."""
    for later in states(folder):
        if later.name > _name(step):
            later.unlink(missing_ok=True)


def states(folder: Path) -> list[Path]:
    """Those of a run folder, the newest first."""
    return sorted((folder / FOLDER).glob("step-*.safetensors"), reverse=True)


def newest_state(folder: Path) -> TrainingState | None:
    """The newest undamaged state; None when there is none at all. Damaged ones are named in a warning.

    Raises `UserError` when all are damaged: starting anew would discard work that may still be rescued.
    """
    found = states(folder)
    for path in found:
        try:
            return read_state(path)
        except UserError as error:
            warn(f"{error} Trying the state before it.")
    if found:
        raise UserError(f"every training state in {folder / FOLDER} is damaged. Restore one, or use another --output.")
    return None


def read_state(path: Path) -> TrainingState:
    """`UserError` naming the file when it is missing, truncated, altered, or no training state."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from None
    return parse_state(content, str(path))


def _name(step: int) -> str:
    return f"step-{step:08d}.safetensors"
