"""Opening the checkpoint of a classifier, and checking that the images to use are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from parcnet.checkpoint import Metadata


def open_classifier(path: Path, data_dir: str | None) -> tuple[nn.Module, Metadata]:
    """The network and the metadata of its file.

    Raises `UserError` for other tasks, and for `data_dir` None unless the network was trained on the embedded digits.
    """
    from parcnet.base import UserError  # here, because the library takes seconds to load
    from parcnet.models import from_checkpoint

    network, metadata = from_checkpoint(path)
    if metadata.task != "classification":
        raise UserError(f"{path} is a {metadata.task} network; expected a classifier.")
    if data_dir is None and metadata.data != "digits":
        raise UserError(f"{path} was trained on {metadata.data!r}: name the images to use with --data-dir DIR.")
    return network, metadata
