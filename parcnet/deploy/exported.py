"""An exported file as a predictor: images in, logits out, like the network it came from."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parcnet.base import UserError
from parcnet.data import Preprocessing
from parcnet.deploy.file_metadata import FileMetadata
from parcnet.deploy.request import SUFFIXES, format_of
from parcnet.deploy.runtimes import RUNTIMES


class Exported:
    """A file and the runtime that runs it. Call it with images [B, C, H, W] of any B: it pads to the file's batch.

    info            the metadata stored in the file
    preprocessing   image file -> what the call takes; for a file that normalises by itself, pixels over 255
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        runtime = RUNTIMES[str(format_of(path))]
        self.info = FileMetadata.from_json(runtime.read_metadata(path), str(path))
        own = Preprocessing.from_dict(self.info.metadata.preprocessing)
        self.preprocessing = raw(own) if self.info.request.pixels else own
        self._run: Callable[[NDArray[Any]], list[NDArray[Any]]] = runtime.load(path, threads)

    def __call__(self, images: Tensor) -> Tensor:
        return self.outputs(images)[0]

    def outputs(self, images: Tensor) -> list[Tensor]:
        """All outputs, each with the images along its first side."""
        size = tuple(images.shape[-2:])
        if size != self.info.request.size:
            wanted, got = ("x".join(map(str, each)) for each in (self.info.request.size, size))
            raise UserError(f"this file takes images of {wanted} px, got {got}: export the network for those.")
        parts = [self._padded(chunk) for chunk in images.split(self.info.request.batch or len(images))]
        return [torch.cat(each) for each in zip(*parts, strict=True)]

    def _padded(self, images: Tensor) -> list[Tensor]:
        missing = (self.info.request.batch or len(images)) - len(images)
        filled = torch.cat([images, images[-1:].expand(missing, -1, -1, -1)]) if missing else images
        found = self._run(file_input(filled, self.info))
        return [torch.from_numpy(np.array(each))[: len(images)] for each in found]


def open_exported(path: str | Path, threads: int | None = None) -> Exported:
    """The file of `parcnet export`, ready to predict, with `threads` of the CPU (None: the runtime's own choice).

    Raises `UserError` for a missing, damaged or foreign file, and where the runtime's package is missing.
    """
    path = Path(path)
    if format_of(path) is None:
        raise UserError(
            f"{path} ends in none of {', '.join(SUFFIXES.values())}, the files that `parcnet export` writes."
        )
    if not path.is_file():
        raise UserError(f"there is no file {path}.")
    return Exported(path, threads)


def raw(preprocessing: Preprocessing) -> Preprocessing:
    """The same without normalisation: pixels over 255."""
    channels = preprocessing.channels
    return dataclasses.replace(preprocessing, mean=(0.0,) * channels, std=(1.0,) * channels)


def file_input(images: Tensor, info: FileMetadata) -> NDArray[Any]:
    """`images` [B, C, H, W], as `Exported.preprocessing` makes them, in the dtype and layout of the file's input."""
    if info.request.pixels:
        return np.ascontiguousarray((images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy())
    return np.ascontiguousarray(images.float().numpy())
