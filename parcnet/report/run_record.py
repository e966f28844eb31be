"""A run folder, read: recipe, log, result and network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parcnet.base import UserError
from parcnet.base.untrusted import parse_json
from parcnet.checkpoint import Metadata, read_metadata
from parcnet.explain import ExplainedModel, open_model
from parcnet.recipes import Recipe, read_recipe
from parcnet.tasks.lookup import task_named
from parcnet.tasks.task import Task
from parcnet.training.run.folder import RunFolder


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The files of a run."""

    folder: RunFolder
    recipe: Recipe
    log: Sequence[Mapping[str, Any]]
    """A line an epoch; see `parcnet.training.loop.log_lines.EpochLog`."""
    result: Mapping[str, Any] | None
    """result.json; None for a run that has not finished."""
    metadata: Metadata
    task: Task
    explained: ExplainedModel
    """The network of the best checkpoint, else of the last one."""


def read_run(path: Path) -> RunRecord:
    """The run in the folder `path`, finished or not.

    Raises `UserError` for what is no run folder, and for a run that has no checkpoint yet.
    """
    folder = RunFolder(path)
    if not path.is_dir() or not folder.recipe.is_file():
        raise UserError(f"{path} is no run folder: expected one that `parcnet train` left, with recipe.yaml in it.")
    recipe = read_recipe(folder.recipe)
    weights = next((file for file in (folder.best, folder.last) if file.is_file()), None)
    if weights is None:
        raise UserError(f"{path} has no checkpoint yet; wait for the run's first epoch.")
    result = _result(folder.result) if folder.result.is_file() else None
    metadata = read_metadata(weights)
    task, explained = task_named(metadata.task), open_model(str(weights))
    return RunRecord(folder, recipe, _lines(folder.log), result, metadata, task, explained)


def _result(path: Path) -> Mapping[str, Any]:
    try:
        result = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}. Restore it, or remove it to go on without.") from None
    if not isinstance(result, dict):
        raise UserError(f"{path} is no result of a run: expected a JSON object.")
    return result


def _lines(log: Path) -> list[Mapping[str, Any]]:
    """The whole lines of a log; a run that is being written may have half of one at the end."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    found = []
    for line in lines:
        try:
            found.append(parse_json(line))
        except ValueError:
            break
    return found
