"""Loads the checkpoint of a classifier and checks that its images are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parcnet.tasks.loading import LoadedNetwork


def open_classifier(path: Path, data_dir: str | None) -> LoadedNetwork:
    """The network of a classification checkpoint, its metadata and its task.

    Raises `UserError` for other tasks, and for `data_dir` None unless the network was trained on the embedded digits.
    """
    from parcnet.base import UserError  # here, because the library takes seconds to load
    from parcnet.tasks.loading import load_checkpoint

    loaded = load_checkpoint(path)
    if not loaded.task.single_label:
        raise UserError(f"{path} is a {loaded.task.name} network; expected a classifier.")
    if data_dir is None and loaded.metadata.data != "digits":
        raise UserError(f"{path} was trained on {loaded.metadata.data!r}: name the images to use with --data-dir DIR.")
    return loaded
