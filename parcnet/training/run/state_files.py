"""The training states of a run on the disk: written whole or not at all, two kept, a damaged one named."""

from pathlib import Path

from parcnet.base import UserError, atomic_path, warn
from parcnet.training.run.folder import RunFolder
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


def find_state(folder: RunFolder, resume: str | None) -> TrainingState | None:
    """The state that `--resume` means in `folder`; None to begin anew, in a folder that holds no other run.

    A path is a state or the run folder: then its newest state. `auto` skips damaged states, naming them, and raises
    `UserError` when all are damaged: starting anew would discard work that may still be rescued.
    """
    found = [Path(resume)] if resume is not None and Path(resume).is_file() else states(folder.path)
    if resume is None or (resume == "auto" and not found):
        folder.check_vacant(begun=resume == "auto")
        return None
    for path in found:
        try:
            return read_state(path)
        except UserError as error:
            if resume != "auto":
                before = f" To resume from the one before it: --resume {found[1]}." if len(found) > 1 else ""
                raise UserError(f"{error}{before}") from None
            warn(f"{error} Trying the state before it.")
    raise UserError(f"every training state in {folder.path / FOLDER} is damaged. Restore one, or use another --output.")


def read_state(path: Path) -> TrainingState:
    """`UserError` naming the file when it is missing, truncated, altered, or no training state."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from None
    return parse_state(content, str(path))


def _name(step: int) -> str:
    return f"step-{step:08d}.safetensors"
