"""Interfaces of export requests and exported files, which `parcnet.deploy` implements."""

from dataclasses import replace
from typing import Protocol

from torch import Tensor

from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing


class ExportRequest(Protocol):
    """The requested properties of a file."""

    @property
    def format(self) -> str: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def batch(self) -> int | None: ...
    @property
    def dtype(self) -> str: ...
    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in px."""


class ExportedFile(Protocol):
    """A file in its runtime, for images of one size."""

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in px."""

    @property
    def takes_pixels(self) -> bool:
        """Whether the file normalises its input itself: it is called with pixels in [0, 1]."""

    def __call__(self, images: Tensor) -> Tensor:
        """The first output for images [B, C, H, W]."""

    def outputs(self, images: Tensor) -> list[Tensor]:
        """All outputs."""


def unnormalised(preprocessing: Preprocessing) -> Preprocessing:
    """The same preprocessing without normalisation: pixels in [0, 1]."""
    channels = preprocessing.channels
    return replace(preprocessing, mean=(0.0,) * channels, std=(1.0,) * channels)


def for_file(metadata: Metadata, file: ExportedFile) -> Metadata:
    """The metadata with the preprocessing that `file` expects."""
    if not file.takes_pixels:
        return metadata
    own = unnormalised(Preprocessing.from_dict(metadata.preprocessing))
    return replace(metadata, preprocessing=own.to_dict())
