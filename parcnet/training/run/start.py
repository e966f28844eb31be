"""Finds the run folder, locks it, and then reads the state to resume from."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from parcnet.base import UserError
from parcnet.recipes import Recipe
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.run.folder import RunFolder, run_folder
from parcnet.training.run.state import TrainingState, parse_state
from parcnet.training.run.state_files import FOLDER, find_state, states


@dataclass(frozen=True, slots=True)
class RunStart:
    """The folder of a run and the state to resume from; None for a new run."""

    folder: RunFolder
    state: TrainingState | None = None


@contextmanager
def run_start(recipe: Recipe, resume: str | None, group: ProcessGroup) -> Iterator[RunStart]:
    """Locks the run folder for the block and reads the state to resume from.

    `resume` as in `parcnet train --resume`: None starts a new run, `auto` resumes in --output if it has a state, a path
    resumes there. Only the main rank reads the disk; the others receive the folder's path and the state. Raises
    `UserError`.
    """
    if not group.main:
        folder = RunFolder(Path(os.fsdecode(group.from_main(None))))
        content = group.from_main(None)
        yield RunStart(folder, parse_state(content, "the main rank's training state") if content else None)
        return
    folder = _folder(recipe, resume)
    with folder.locked():
        state = find_state(folder, resume)
        group.from_main(os.fsencode(folder.path))
        group.from_main(b"" if state is None else state.content)
        yield RunStart(folder, state)


def _folder(recipe: Recipe, resume: str | None) -> RunFolder:
    output = recipe.run.output
    if resume == "auto" and output is None:
        raise UserError("--resume auto needs --output DIR, so that the same command starts and resumes the run.")
    if resume is None or resume == "auto":
        return run_folder(recipe)
    folder = path = Path(resume)
    if path.is_file():
        folder = path.parent.parent if path.parent.name == FOLDER else path.parent
    elif not states(path):
        raise UserError(
            f"{path} has no training state ({FOLDER}/step-*.safetensors): --resume takes a run folder, one of its "
            "states, or auto. To start a new run from the weights of a checkpoint, use --initial-checkpoint."
        )
    if output is not None and Path(output).resolve() != folder.resolve():
        raise UserError(
            f"--output is {output}, but --resume continues in {folder}: leave --output out, or start a new run there "
            "from the weights with --initial-checkpoint."
        )
    return RunFolder(folder)
