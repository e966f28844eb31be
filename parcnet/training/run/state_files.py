"""The state files of a run: written atomically; the newest two are kept."""

from pathlib import Path

from parcnet.base import UserError, atomic_path, warn
from parcnet.training.run.folder import RunFolder
from parcnet.training.run.state import TrainingState, parse_state

KEPT = 2
"""Number of states kept: if the newest is damaged, the one before it is used."""
FOLDER = "states"


def write_state(folder: Path, step: int, content: bytes) -> Path:
    """Writes RUN/states/step-00000123.safetensors, then removes all but the newest `KEPT`."""
    path = folder / FOLDER / _name(step)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    for old in states(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def remove_states_after(folder: Path, step: int) -> None:
    """Removes the states after `step`, which a run that resumes there will rewrite."""
    for later in states(folder):
        if later.name > _name(step):
            later.unlink(missing_ok=True)


def states(folder: Path) -> list[Path]:
    """The state files of a run folder, newest first."""
    return sorted((folder / FOLDER).glob("step-*.safetensors"), reverse=True)


def find_state(folder: RunFolder, resume: str | None) -> TrainingState | None:
    """The state that `--resume` selects in `folder`; None for a new run, in a folder without another run.

    A path is a state, or a run folder with its newest state. `auto` skips damaged states with a warning. Raises
    `UserError` if the selected state or, with `auto`, every state is damaged, since a new run would overwrite work
    that may still be recovered.
    """
    candidates = [Path(resume)] if resume is not None and Path(resume).is_file() else states(folder.path)
    if resume is None or (resume == "auto" and not candidates):
        folder.check_empty(started=resume == "auto")
        return None
    for path in candidates:
        try:
            return read_state(path)
        except UserError as error:
            if resume != "auto":
                older = candidates[1:]
                hint = f" To resume from the state before it: --resume {older[0]}." if older else ""
                raise UserError(f"{error}{hint}") from None
            warn(f"{error} Trying the state before it.")
    raise UserError(f"every training state in {folder.path / FOLDER} is damaged. Restore one, or use another --output.")


def read_state(path: Path) -> TrainingState:
    """Reads a state. Raises `UserError` naming the file if it is missing, damaged, or not a training state."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from None
    return parse_state(content, str(path))


def _name(step: int) -> str:
    return f"step-{step:08d}.safetensors"
