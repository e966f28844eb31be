"""A checkpoint of a classifier, and whether it is known on which images it is to be tried."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from parcnet.checkpoint import Metadata


def open_classifier(path: Path, data_dir: str | None) -> tuple[nn.Module, Metadata]:
    """The network and what its file says. Raises `UserError` for other tasks, and for `data_dir` None unless the
    network learned from the embedded digits.
    """
    from parcnet.base import UserError  # here, for the library takes seconds to load
    from parcnet.models import from_checkpoint

    network, metadata = from_checkpoint(path)
    if metadata.task != "classification":
        raise UserError(f"{path} is a {metadata.task} network; this is for classifiers.")
    if data_dir is None and metadata.data != "digits":
        raise UserError(f"{path} was trained on {metadata.data!r}: say on which images with --data-dir DIR.")
    return network, metadata
