"""Whether the files in a run folder are those of the run that a state resumes."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.training.run.folder import RunFolder
from parcnet.training.run.state import TrainingState

_CHUNK = 1 << 20
_REMEDY = "Restore it, or begin a new run: --initial-checkpoint takes the weights of a checkpoint."


class LogHashes:
    """SHA-256 of growing logs: each byte is read once."""

    def __init__(self) -> None:
        self._found: dict[Path, Any] = {}
        self._read: dict[Path, int] = {}

    def up_to(self, path: Path, length: int) -> str | None:
        """The hash of the first `length` bytes, which must not shrink between calls; None for a shorter file."""
        found = self._found.setdefault(path, hashlib.sha256())
        read = self._read.get(path, 0)
        if length > read or (length and not path.exists()):
            try:
                with path.open("rb") as file:
                    if os.fstat(file.fileno()).st_size < length:
                        return None
                    file.seek(read)
                    while read < length and (part := file.read(min(_CHUNK, length - read))):
                        found.update(part)
                        read += len(part)
            except FileNotFoundError:
                return None
            self._read[path] = read
        return str(found.hexdigest())


def file_marks(folder: RunFolder, lengths: Mapping[str, int], hashes: LogHashes) -> dict[str, str | None]:
    """What a state records of the run's other files, by name: hashes of the logs, checksums of the checkpoints."""
    logs = {name: hashes.up_to(folder.path / name, length) for name, length in lengths.items()}
    written = (path for path in (folder.best, folder.last) if path.exists())
    return logs | {path.name: checkpoint.read_provenance(path).digest for path in written}


def check_files(folder: RunFolder, state: TrainingState, hashes: LogHashes) -> None:
    """Raises `UserError` naming a log or checkpoint in the folder that is not the run's, is cut, or is missing.

    Logs begin as they did when the state was saved. Checkpoints are of the state's run: the best one is that of the
    state's best epoch, or of a later epoch that will be trained again. States of parcnet 1.0 know too little for it.
    """
    run, marks = state.values.get("run"), state.values.get("files")
    if not run or marks is None:
        return
    for name, length in state.values["logs"].items():
        path = folder.path / name
        if (found := hashes.up_to(path, length)) != marks.get(name):
            size = path.stat().st_size if path.exists() else 0
            what = f"is not the log of the run that {state.source} belongs to"
            if found is None:
                what = f"was cut to {size} bytes of {length}" if path.exists() else "is missing"
            raise UserError(f"{path} {what}. {_REMEDY}")
    for path in _checkpoints(folder):
        if checkpoint.read_provenance(path).run != run:
            raise UserError(f"{path} is a checkpoint of another run than {state.source}. {_REMEDY}")
    best = state.values["position"]["best"]
    if best is None:
        return
    if not folder.best.exists():
        raise UserError(f"{folder.best} is missing, the checkpoint of the best epoch, {best['epoch']}. {_REMEDY}")
    epoch, digest = checkpoint.read_metadata(folder.best).epoch or 0, checkpoint.read_provenance(folder.best).digest
    if epoch < best["epoch"] or (epoch == best["epoch"] and digest != marks.get(folder.best.name, digest)):
        raise UserError(
            f"{folder.best} is not the checkpoint of the best epoch, {best['epoch']}, that {state.source} records. "
            f"{_REMEDY}"
        )


def _checkpoints(folder: RunFolder) -> Iterable[Path]:
    named = [path for path in (folder.best, folder.last) if path.exists()]
    return [*named, *sorted(folder.path.glob("epoch-*.safetensors"))]
