"""Images in parquet files, as Hugging Face's hub keeps them, read by timm's `hfds/`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from parcnet.base import UserError
from parcnet.data.images import BadImage, decode_image
from parcnet.data.shards.labels import positions

ALIASES = {"train": ("train", "training"), "val": ("val", "validation", "valid", "dev"), "test": ("test", "testing")}
"""What a split may be called in names of files."""

_COLUMNS = "expected the columns image and label, as `parcnet data pack` and Hugging Face's image folders write them"


class ParquetImages:
    """Images of one split, numbered as in the files. Images that were packed from a folder keep their numbers."""

    def __init__(self, where: str, name: str, reader: Any, classes: Sequence[str], labels: Sequence[int]) -> None:
        self.name = name
        self.classes = tuple(classes)
        self._where, self._reader, self._labels = where, reader, tuple(labels)

    def __len__(self) -> int:
        return len(self._reader)

    def image(self, index: int) -> Image.Image:
        return decode_image(self.content(index), self.where(index))

    def content(self, index: int) -> bytes:
        """The image file's bytes. `BadImage` for a row without."""
        content = self._reader.dataset[index]["image"]["bytes"]
        if content is None:
            raise BadImage(self.where(index), "the row has no image bytes; pack images by content, not by path")
        return content

    def label(self, index: int) -> int:
        # straight from the mapped column: a row of the data set would bring its image along
        return self._labels[self._reader.dataset.data.column("label")[index].as_py()]

    def where(self, index: int) -> str:
        path = self._reader.dataset[index]["image"]["path"]
        return f"{self._where}, row {index}" + (f" ({path})" if path else "")


def open_parquet(source: str, split: str, classes: Sequence[str] | None = None) -> ParquetImages:
    """The images of `split` of the folder `source`; see `data.open_dataset`. Needs the extra `data`.

    datasets copies the files once into its cache ($HF_DATASETS_CACHE), as memory-mapped Arrow files.
    """
    folder = Path(source)
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}. `parcnet data pack IMAGES {folder}` makes one.")
    called = parquet_split(folder, split)
    if called is None:
        raise UserError(
            f"{folder} has no parquet files of {split}: expected names like data/{split}-00000-of-00004.parquet."
        )
    reader = _reader(folder, called, f"{folder}[{split}]")
    own = [name for name, _ in sorted(reader.class_to_idx.items(), key=lambda item: item[1])]
    if len(own) < 2:
        raise UserError(
            f"{folder} names no classes: its label column needs the type ClassLabel, with at least two names."
        )
    _check_labels(reader, len(own), f"{folder}[{split}]")
    labels = positions(own, classes, str(folder))
    return ParquetImages(f"{folder}[{split}]", folder.resolve().name, reader, classes or own, labels)


def parquet_split(folder: Path, split: str) -> str | None:
    """What datasets calls `split` of the folder's files; None when it has none.

    Below data/ it takes names as they are, elsewhere it reads them as train, validation or test.
    """
    places = ("data/*.parquet", "*.parquet")
    below, beside = ({path.stem.split("-")[0] for path in folder.glob(place)} for place in places)
    if below:
        return next((name for name in ALIASES[split] if name in below), None)
    return {"val": "validation"}.get(split, split) if beside.intersection(ALIASES[split]) else None


def _reader(folder: Path, split: str, where: str) -> Any:
    try:
        import datasets
        import pyarrow
    except ImportError:
        raise UserError(
            f"{where}: reading parquet needs Hugging Face's datasets. pip install 'parcnet[data]'."
        ) from None
    from timm.data.readers import create_reader  # it prints and fails where datasets is not installed

    if os.environ.get("RANK", "0") != "0":
        datasets.disable_progress_bars()
    try:
        return create_reader(f"hfds/{folder}", split=split)
    except (
        pyarrow.ArrowException,
        datasets.exceptions.DatasetsError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OSError,
    ) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise UserError(f"cannot read the parquet files of {where}: {reason}; {_COLUMNS}.") from error


def _check_labels(reader: Any, classes: int, where: str) -> None:
    from pyarrow import compute

    column = reader.dataset.data.column("label")
    found = compute.min_max(column).as_py()
    if len(column) and (column.null_count or found["min"] < 0 or found["max"] >= classes):
        raise UserError(f"{where} has images without a class (labels {found['min']} to {found['max']} of {classes}).")
