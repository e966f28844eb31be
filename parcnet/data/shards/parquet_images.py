"""Images in parquet files in the layout of the Hugging Face Hub, read by timm's `hfds/`."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from parcnet.base import UserError, printable
from parcnet.data.images import BadImage, decode_image
from parcnet.data.shards.parquet_labels import LabelColumn, MappedLabels, common_names, mapped, read_labels

ALIASES = {"train": ("train", "training"), "val": ("val", "validation", "valid", "dev"), "test": ("test", "testing")}
"""Split -> its names in file names."""


class ParquetImages:
    """Images of one split, in file order. Images packed from a folder keep their indices."""

    def __init__(self, where: str, name: str, reader: Any, classes: Sequence[str], labels: MappedLabels) -> None:
        self.name = name
        self.classes = tuple(classes)
        self._where, self._reader, self._labels = where, reader, labels

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
        return self._labels.label(index, self._reader.dataset.data.column("label")[index].as_py())

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
    if parquet_split(folder, split) is None:
        raise UserError(
            f"{folder} has no parquet files of {split}: expected names like data/{split}-00000-of-00004.parquet."
        )
    where = f"{folder}[{split}]"
    datasets = _datasets(where)
    split_name, files = _files(folder, split, where, datasets)
    columns = [read_labels(path) for path in files]
    reader = _reader(folder, split_name, where, datasets)
    _check_rows(reader, columns, where)
    default = [name for name, _ in sorted(reader.class_to_idx.items(), key=lambda item: item[1])]
    if classes is None:
        trained = split != "train" and parquet_split(folder, "train") is not None
        others = map(read_labels, _files(folder, "train", where, datasets)[1]) if trained else columns
        classes = common_names(others, default)
    if len(classes) < 2:
        raise UserError(
            f"{folder} has no class names: its label column must be of type ClassLabel, with at least two names."
        )
    return ParquetImages(where, printable(folder.resolve().name), reader, classes, mapped(columns, default, classes))


def parquet_split(folder: Path, split: str) -> str | None:
    """The name of `split` in the names of the folder's files; None when there is no such split."""
    patterns = ("data/*.parquet", "*.parquet")
    in_data, in_root = ({path.stem.split("-")[0] for path in folder.glob(pattern)} for pattern in patterns)
    return next((name for name in ALIASES[split] if name in (in_data or in_root)), None)


def _datasets(where: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise UserError(
            f"{where}: reading parquet needs Hugging Face's datasets. pip install 'parcnet[data]'."
        ) from None
    if os.environ.get("RANK", "0") != "0":
        datasets.disable_progress_bars()
    return datasets


def _files(folder: Path, split: str, where: str, datasets: Any) -> tuple[str, list[Path]]:
    """The name that datasets gives to a split, and its files in the order in which datasets reads their rows."""
    with _explained(where, datasets):
        files = datasets.load_dataset_builder(str(folder)).config.data_files
        name = next((name for name in ALIASES[split] if name in files), split)
        return name, [Path(path) for path in files[name]]


def _reader(folder: Path, split: str, where: str, datasets: Any) -> Any:
    from timm.data.readers import create_reader  # prints and fails without datasets

    with _explained(where, datasets):
        return create_reader(f"hfds/{folder}", split=split)


@contextmanager
def _explained(where: str, datasets: Any) -> Iterator[None]:
    """The errors of datasets, of timm's reader and of pyarrow as `UserError`."""
    import pyarrow

    try:
        yield
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
        raise UserError(
            f"cannot read the parquet files of {where}: {reason}; expected the columns image and label, as `parcnet "
            "data pack` and Hugging Face's image folders write them."
        ) from error


def _check_rows(reader: Any, columns: Sequence[LabelColumn], where: str) -> None:
    """The rows of the cache must be those of the files, in order: their labels are mapped file by file."""
    numbers = reader.dataset.data.column("label").fill_null(-1).to_numpy()
    if not np.array_equal(numbers, np.concatenate([column.numbers for column in columns])):
        raise UserError(f"the rows of {where} are not those of its files in order. Delete $HF_DATASETS_CACHE.")
