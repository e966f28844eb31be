"""Images in parquet files in the layout of the Hugging Face Hub, read by timm's `hfds/`."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from parcnet.base import UserError
from parcnet.data.images import BadImage, decode_image
from parcnet.data.shards.labels import class_indices

ALIASES = {"train": ("train", "training"), "val": ("val", "validation", "valid", "dev"), "test": ("test", "testing")}
"""Split -> its names in file names."""

_COLUMNS = "expected the columns image and label, as `parcnet data pack` and Hugging Face's image folders write them"


class ParquetImages:
    """Images of one split, in file order. Images packed from a folder keep their indices."""

    def __init__(self, where: str, name: str, reader: Any, classes: Sequence[str], labels: Sequence[int]) -> None:
        self.name = name
        self.classes = tuple(classes)
        self._where, self._reader, self._labels = where, reader, tuple(labels)

    def __len__(self) -> int:
        return len(self._reader)

    def image(self, index: int) -> Image.Image:
        return decode_image(self.content(index), self.where(index))

    def content(self, index: int) -> bytes:
        """The bytes of the image file. Raises `BadImage` for a row without them."""
        content = self._reader.dataset[index]["image"]["bytes"]
        if content is None:
            raise BadImage(self.where(index), "the row has no image bytes; pack images by content, not by path")
        return content

    def label(self, index: int) -> int:
        # from the memory-mapped column: a row of the dataset would load its image too
        return self._labels[self._reader.dataset.data.column("label")[index].as_py()]

    def listing(self) -> Iterator[bytes]:
        """The labels: names and sizes would load every image."""
        yield np.asarray(self._reader.dataset.data.column("label").to_numpy(), dtype="<i8").tobytes()

    @property
    def sampled(self) -> bool:
        """Rows are memory-mapped."""
        return True

    def where(self, index: int) -> str:
        path = self._reader.dataset[index]["image"]["path"]
        return f"{self._where}, row {index}" + (f" ({path})" if path else "")


def open_parquet(source: str, split: str, classes: Sequence[str] | None = None) -> ParquetImages:
    """The images of `split` of the folder `source`; see `data.open_dataset`. Needs the extra `data`.

    The package datasets copies the files once into its cache ($HF_DATASETS_CACHE), as memory-mapped Arrow files.
    """
    folder = Path(source)
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}. `parcnet data pack IMAGES {folder}` makes one.")
    split_name = parquet_split(folder, split)
    if split_name is None:
        raise UserError(
            f"{folder} has no parquet files of {split}: expected names like data/{split}-00000-of-00004.parquet."
        )
    reader = _reader(folder, split_name, f"{folder}[{split}]")
    own = [name for name, _ in sorted(reader.class_to_idx.items(), key=lambda item: item[1])]
    if len(own) < 2:
        raise UserError(
            f"{folder} has no class names: its label column must be of type ClassLabel, with at least two names."
        )
    _check_labels(reader, len(own), f"{folder}[{split}]")
    labels = class_indices(own, classes, str(folder))
    return ParquetImages(f"{folder}[{split}]", folder.resolve().name, reader, classes or own, labels)


def parquet_split(folder: Path, split: str) -> str | None:
    """The name that the package datasets gives to `split` of the folder; None when there is no such split.

    Below data/ it keeps the names of the files, elsewhere it maps them to train, validation or test.
    """
    patterns = ("data/*.parquet", "*.parquet")
    in_data, in_root = ({path.stem.split("-")[0] for path in folder.glob(pattern)} for pattern in patterns)
    if in_data:
        return next((name for name in ALIASES[split] if name in in_data), None)
    return {"val": "validation"}.get(split, split) if in_root.intersection(ALIASES[split]) else None


def _reader(folder: Path, split: str, where: str) -> Any:
    try:
        import datasets
        import pyarrow
    except ImportError:
        raise UserError(
            f"{where}: reading parquet needs Hugging Face's datasets. pip install 'parcnet[data]'."
        ) from None
    from timm.data.readers import create_reader  # prints and fails without datasets

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
    labels = compute.min_max(column).as_py()
    if len(column) and (column.null_count or labels["min"] < 0 or labels["max"] >= classes):
        raise UserError(
            f"{where} has labels {labels['min']} to {labels['max']} and {column.null_count} empty ones; expected "
            f"0 to {classes - 1}."
        )
