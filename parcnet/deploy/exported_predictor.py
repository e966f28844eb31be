"""An exported file as a predictor: images in, logits out, like the network it came from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.deploy.file_metadata import FileMetadata
from parcnet.deploy.request import SUFFIXES, format_of
from parcnet.deploy.runtimes import RUNTIMES
from parcnet.recipes.ranges import THREADS, Range
from parcnet.tasks.exported_file import for_file
from parcnet.tasks.finite import check_finite
from parcnet.tasks.loading import check_described
from parcnet.tasks.lookup import task_named
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.task import Task

_THREADS = Range(1, THREADS, "threads")


class ExportedPredictor:
    """A file and the runtime that runs it. Call it with images [B, C, H, W] of any B: it pads to the file's batch.

    info            the metadata stored in the file
    preprocessing   image file -> what the call takes; for a file that normalises, pixels over 255
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        runtime = RUNTIMES[str(format_of(path))]
        self.info = FileMetadata.from_json(runtime.read_metadata(path), str(path))
        task = task_named(self.info.metadata.task, str(path))
        check_described(task, self.info.metadata, str(path))
        self.preprocessing = Preprocessing.from_dict(for_file(self.info.metadata, self).preprocessing)
        self._run: Callable[[NDArray[Any]], list[NDArray[Any]]] = runtime.load(path, threads)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in px, the one size that the file serves."""
        return self.info.request.size

    @property
    def takes_pixels(self) -> bool:
        """Whether the file takes 8-bit pixels and normalises them."""
        return self.info.request.pixels

    def task_predictor(self) -> tuple[Task, Predictor, Metadata]:
        """The file's task, and the file as a predictor for images of any size with the metadata for it."""
        task = task_named(self.info.metadata.task)
        return task, *task.file_predictor(self, self.info.metadata)

    def __call__(self, images: Tensor) -> Tensor:
        return self.outputs(images)[0]

    def outputs(self, images: Tensor) -> list[Tensor]:
        """All outputs, each with the images along its first dimension."""
        size = tuple(images.shape[-2:])
        if size != self.size:
            wanted, got = ("x".join(map(str, each)) for each in (self.size, size))
            raise UserError(f"this file takes images of {wanted} px, got {got}: export the network for those.")
        parts = [self._padded(chunk) for chunk in images.split(self.info.request.batch or len(images))]
        outputs = [torch.cat(each) for each in zip(*parts, strict=True)]
        check_finite(outputs, "the exported file")
        return outputs

    def _padded(self, images: Tensor) -> list[Tensor]:
        missing = (self.info.request.batch or len(images)) - len(images)
        filled = torch.cat([images, images[-1:].expand(missing, -1, -1, -1)]) if missing else images
        found = self._run(file_input(filled, self.info))
        return [torch.from_numpy(np.array(each))[: len(images)] for each in found]


def open_exported(path: str | Path, threads: int | None = None) -> ExportedPredictor:
    """The file of `parcnet export`, ready to predict, with `threads` of the CPU (None: the runtime's own choice).

    Raises `UserError` for a missing, damaged or foreign file, and where the runtime's package is missing.
    """
    path = Path(path)
    if threads is not None and threads not in _THREADS:
        raise UserError(f"threads is {threads}; expected {_THREADS}, or None.")
    if format_of(path) is None:
        raise UserError(
            f"{path} has none of the suffixes {', '.join(SUFFIXES.values())}, the files that `parcnet export` writes."
        )
    if not path.is_file():
        raise UserError(f"there is no file {path}.")
    return ExportedPredictor(path, threads)


def file_input(images: Tensor, info: FileMetadata) -> NDArray[Any]:
    """`images` [B, C, H, W], preprocessed for the file, in the dtype and layout of its input."""
    if info.request.pixels:
        return np.ascontiguousarray((images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy())
    return np.ascontiguousarray(images.float().numpy())
