"""The folder that a run leaves."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from parcnet.base import UserError, write_json, write_text
from parcnet.recipes import Recipe, read_recipe, to_yaml
from parcnet.training.run.lock import lock


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Names of the files of one run, and how the growing ones are written."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The recipe as resolved: every field."""
        return self.path / "recipe.yaml"

    @property
    def log(self) -> Path:
        """One JSON object a line, one line an epoch."""
        return self.path / "log.jsonl"

    @property
    def steps(self) -> Path:
        """One JSON object a line, one line a step."""
        return self.path / "steps.jsonl"

    @property
    def best(self) -> Path:
        """Checkpoint of the best epoch on validation."""
        return self.path / "best.safetensors"

    @property
    def last(self) -> Path:
        """Checkpoint of the last whole epoch."""
        return self.path / "last.safetensors"

    def kept(self, epoch: int) -> Path:
        """Checkpoint of a whole epoch, from 1, that is kept."""
        return self.path / f"epoch-{epoch:04d}.safetensors"

    @property
    def result(self) -> Path:
        """Final metrics, split sizes, time, command, versions."""
        return self.path / "result.json"

    @property
    def curve(self) -> Path:
        """Loss, the best-epoch metric and learning rate over epochs."""
        return self.path / "curve.png"

    @property
    def confusion(self) -> Path:
        """The confusion matrix, of tasks that have one."""
        return self.path / "confusion.png"

    @property
    def predictions(self) -> Path:
        """A few images with predictions."""
        return self.path / "predictions.png"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Creates the folder and keeps other runs out of it; the kernel releases the lock when the process dies.

        Folders that were created here and stay empty are removed in the end. Raises `UserError` while another process
        holds the lock. File systems without locks protect nothing.
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
            with suppress(OSError):  # one that holds files
                for folder in created:
                    folder.rmdir()
            os.close(handle)

    def check_vacant(self, *, begun: bool = False) -> None:
        """Raises `UserError` when the folder holds anything but the recipe of a run that left nothing else.

        With `begun`, logs of a run without any checkpoint are accepted.
        """
        try:
            found = list(self.path.iterdir()) if self.path.is_dir() else []
        except OSError as error:
            raise UserError(f"cannot use output {self.path}: {error.strerror}. Choose another --output.") from error
        early = begun and not (self.last.exists() or self.best.exists())
        if found and not ((early or found == [self.recipe]) and _ours(self.recipe)):
            raise UserError(
                f"output folder {self.path} is not empty, and a run never overwrites another. "
                "Choose another --output, leave it out for a new folder in runs/, or delete the old one."
            )

    def begin(self, recipe: Recipe) -> None:
        """Writes the recipe into the folder."""
        # without the folder's own name, so that `-c RUN/recipe.yaml` starts a new run beside this one
        write_text(self.recipe, to_yaml(replace(recipe, run=replace(recipe.run, output=None))))

    def append(self, log: Path, lines: Iterable[Mapping[str, Any]]) -> None:
        """Adds lines to `log` or `steps`; a concurrent reader sees whole lines."""
        text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
        try:
            with log.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise UserError(f"cannot write {log}: {error.strerror}.") from error

    def lengths(self) -> dict[str, int]:
        """Bytes in each log, by file name, to which `truncate` goes back. The logs are synced to the disk first."""
        found = {}
        for log in (self.log, self.steps):
            found[log.name] = 0
            if log.exists():
                with log.open("rb") as file:
                    os.fsync(file.fileno())
                    found[log.name] = os.fstat(file.fileno()).st_size
        return found

    def truncate(self, lengths: Mapping[str, int]) -> None:
        """Removes what the logs got after `lengths`, and files that a killed run left half-written."""
        try:
            for log in (self.log, self.steps):
                if log.exists() and log.stat().st_size > (length := lengths.get(log.name, 0)):
                    os.truncate(log, length)
            for partial in self.path.rglob(".*.partial*"):
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"cannot resume in {self.path}: {error.strerror}.") from error

    def finish(self, result: Mapping[str, Any]) -> None:
        """Writes result.json."""
        write_json(self.result, result)


def run_folder(recipe: Recipe) -> RunFolder:
    """The folder that the recipe names, else a new runs/NAME-TIME. Raises `UserError` for a file of that name."""
    if recipe.run.output is None:
        return RunFolder(_free(Path("runs") / f"{recipe.name}-{datetime.now():%Y%m%d-%H%M%S}"))
    path = Path(recipe.run.output)
    try:
        if path.is_file():
            raise UserError(f"output {path} is a file; expected a folder for the run, empty or absent.")
    except OSError as error:
        raise UserError(f"cannot use output {path}: {error.strerror}. Choose another --output.") from error
    return RunFolder(path)


def _ours(recipe: Path) -> bool:
    """Whether `begin` wrote this file: one that a person wrote, with comments, must not be lost."""
    try:
        return to_yaml(read_recipe(recipe)) == recipe.read_text(encoding="utf-8")
    except UserError:
        return False


def _free(path: Path) -> Path:
    """`path`, or path-2, path-3, ...: two runs may begin within one second."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate
