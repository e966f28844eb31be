"""Where a run begins or resumes. The folder is locked before anything in it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from parcnet.base import UserError
from parcnet.recipes import Recipe
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.run.folder import RunFolder, check_vacant, run_folder
from parcnet.training.run.state import TrainingState
from parcnet.training.run.state_files import FOLDER, newest_state, read_state, states


@dataclass(frozen=True, slots=True)
class RunStart:
    """The folder of a run, and the state that it resumes from: None to begin anew, and on other than the main rank."""

    folder: RunFolder
    state: TrainingState | None = None


@contextmanager
def run_start(recipe: Recipe, resume: str | None, group: ProcessGroup) -> Iterator[RunStart]:
    """Locks the run's folder for the block, then finds the state to resume from.

    `resume` as in `parcnet train --resume`: None begins anew, `auto` resumes in --output if there is a state, a path
    resumes there. Only the main rank reads the disk; the others get the folder's name. Raises `UserError`.
    """
    if not group.main:
        yield RunStart(RunFolder(Path(group.broadcast(None).decode())))
        return
    folder = _folder(recipe, resume)
    with folder.locked():
        start = RunStart(folder, _state(resume, folder))
        group.broadcast(str(folder.path).encode())
        yield start


def _folder(recipe: Recipe, resume: str | None) -> RunFolder:
    if resume is None:
        return run_folder(recipe)
    output = recipe.run.output
    if resume == "auto":
        if output is None:
            raise UserError("--resume auto needs --output DIR: the same command then begins the run and resumes it.")
        return run_folder(recipe)
    path = Path(resume)
    folder = path
    if path.is_file():
        folder = path.parent.parent if path.parent.name == FOLDER else path.parent
    elif not states(path):
        raise UserError(
            f"{path} has no training state ({FOLDER}/step-*.safetensors): --resume takes a run folder, one of its "
            "states, or auto. To begin a new run from the weights of a checkpoint use --initial-checkpoint."
        )
    if output is not None and Path(output).resolve() != folder.resolve():
        raise UserError(
            f"--output is {output}, but --resume continues in {folder}: leave --output out, or begin a new run there "
            "from the weights with --initial-checkpoint."
        )
    return RunFolder(folder)


def _state(resume: str | None, folder: RunFolder) -> TrainingState | None:
    if resume is None or resume == "auto":
        state = None if resume is None else newest_state(folder.path)
        if state is None:
            check_vacant(folder, begun=resume == "auto")
        return state
    path = Path(resume)
    if path.is_file():
        return read_state(path)
    found = states(path)
    try:
        return read_state(found[0])
    except UserError as error:
        before = f" To resume from the one before it: --resume {found[1]}." if len(found) > 1 else ""
        raise UserError(f"{error}{before}") from None
