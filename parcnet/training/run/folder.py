"""The run folder."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from parcnet.base import UserError, is_partial, printable, write_json, write_text
from parcnet.recipes import Recipe, read_recipe, to_yaml
from parcnet.training.run.lock import lock


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of the files of a run, its lock, and its logs."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe, with every field."""
        return self.path / "recipe.yaml"

    @property
    def log(self) -> Path:
        """JSON lines, one per epoch."""
        return self.path / "log.jsonl"

    @property
    def steps(self) -> Path:
        """JSON lines, one per step."""
        return self.path / "steps.jsonl"

    @property
    def best(self) -> Path:
        """Checkpoint of the best epoch on validation."""
        return self.path / "best.safetensors"

    @property
    def last(self) -> Path:
        """Checkpoint of the last completed epoch."""
        return self.path / "last.safetensors"

    def epoch_checkpoint(self, epoch: int) -> Path:
        """Checkpoint of an epoch (from 1), kept by `keep_every`."""
        return self.path / f"epoch-{epoch:04d}.safetensors"

    @property
    def result(self) -> Path:
        """Final metrics, split sizes, time, command, versions."""
        return self.path / "result.json"

    @property
    def curve(self) -> Path:
        """Plot of losses, the best-epoch metric and learning rate over epochs."""
        return self.path / "curve.png"

    @property
    def confusion(self) -> Path:
        """The confusion matrix, for tasks that have one."""
        return self.path / "confusion.png"

    @property
    def predictions(self) -> Path:
        """A few images with predictions."""
        return self.path / "predictions.png"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Creates and locks the folder for the block; the kernel releases the lock if the process dies.

        Folders that were created here and are still empty are removed afterwards. Raises `UserError` while another
        process holds the lock. Has no effect on file systems without locks.
        """
        created: list[Path] = []
        try:
            created = [each for each in (self.path, *self.path.parents) if not each.exists()]
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise UserError(f"cannot use output {self.path}: {error.strerror}. Choose another --output.") from error
        try:
            lock(handle, self.path)
            yield
        finally:
            with suppress(OSError):  # not empty
                for folder in created:
                    folder.rmdir()
            os.close(handle)

    def check_empty(self, *, started: bool = False) -> None:
        """Raises `UserError` if the folder holds anything but the recipe that an earlier run wrote.

        With `started`, logs of a run without checkpoints are accepted too.
        """
        try:
            entries = [each for each in self.path.iterdir() if not is_partial(each)] if self.path.is_dir() else []
        except OSError as error:
            raise UserError(f"cannot use output {self.path}: {error.strerror}. Choose another --output.") from error
        without_checkpoint = started and not (self.last.exists() or self.best.exists())
        if entries and not ((without_checkpoint or entries == [self.recipe]) and _written_by_run(self.recipe)):
            raise UserError(
                f"output folder {self.path} is not empty, and a run never overwrites files. "
                "Choose another --output, leave it out for a new folder in runs/, or delete the old folder."
            )

    def begin(self, recipe: Recipe) -> None:
        """Writes the recipe."""
        # without the output folder, so that `-c RUN/recipe.yaml` starts a new run in a new folder
        write_text(self.recipe, to_yaml(replace(recipe, run=replace(recipe.run, output=None))))

    def append(self, log: Path, lines: Iterable[Mapping[str, Any]]) -> None:
        """Appends lines to `log` or `steps`; concurrent readers see whole lines."""
        text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
        try:
            with log.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise UserError(f"cannot write {log}: {error.strerror}.") from error

    def lengths(self) -> dict[str, int]:
        """File name -> bytes of each log, for `truncate`. Syncs the logs to disk first."""
        lengths = {}
        for log in (self.log, self.steps):
            lengths[log.name] = 0
            if log.exists():
                with log.open("rb") as file:
                    os.fsync(file.fileno())
                    lengths[log.name] = os.fstat(file.fileno()).st_size
        return lengths

    def truncate(self, lengths: Mapping[str, int]) -> None:
        """Truncates the logs to `lengths` and removes partial files of a killed run."""
        try:
            for log in (self.log, self.steps):
                if log.exists() and log.stat().st_size > (length := lengths.get(log.name, 0)):
                    os.truncate(log, length)
            for partial in [each for each in self.path.rglob(".*") if is_partial(each)]:
                if partial.is_dir() and not partial.is_symlink():
                    shutil.rmtree(partial)
                else:
                    partial.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"cannot resume in {self.path}: {error.strerror}.") from error

    def finish(self, result: Mapping[str, Any]) -> None:
        """Writes result.json."""
        write_json(self.result, result)


def run_folder(recipe: Recipe) -> RunFolder:
    """The recipe's output folder, by default a new runs/NAME-TIME. Raises `UserError` if it is a file."""
    if recipe.run.output is None:
        return RunFolder(_unused_path(Path("runs") / f"{recipe.name}-{datetime.now():%Y%m%d-%H%M%S}"))
    path = Path(recipe.run.output)
    if printable(str(path)) != str(path):
        raise UserError(f"output {printable(str(path))} is not UTF-8, as checkpoints need. Choose another --output.")
    try:
        if path.is_file():
            raise UserError(f"output {path} is a file; expected an empty or new folder. Choose another --output.")
    except OSError as error:
        raise UserError(f"cannot use output {path}: {error.strerror}. Choose another --output.") from error
    return RunFolder(path)


def _written_by_run(recipe: Path) -> bool:
    """Whether `begin` wrote this file; a hand-written recipe must not be overwritten."""
    try:
        return to_yaml(read_recipe(recipe)) == recipe.read_text(encoding="utf-8")
    except UserError:
        return False


def _unused_path(path: Path) -> Path:
    """`path`, or path-2, path-3, ... if it exists, since two runs may start within one second."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate
