"""Labels in parquet files: each file's numbers mean the names in its own schema."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcnet.base import UserError, open_regular
from parcnet.data.shards.labels import class_indices

_COLUMNS = ("image", "label")
_EXPECTED = "expected the columns image and label, as `parcnet data pack` and Hugging Face's image folders write them"


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """The labels of one file."""

    path: Path
    names: tuple[str, ...] | None
    """By number, as the file's schema says; None where it says nothing."""
    numbers: NDArray[np.int64]
    """Of each row; -1 for an empty one."""


def read_labels(path: Path) -> LabelColumn:
    """Raises `UserError`, listing the columns, for a file without an image or label column, and for a damaged one."""
    import pyarrow
    from pyarrow import parquet

    try:
        with open_regular(path) as source, parquet.ParquetFile(source) as file:
            schema = file.schema_arrow
            _check_columns(path, schema)
            names = _names(schema.metadata)
            column = file.read(columns=["label"]).column("label")
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"cannot read {path}: {str(error).splitlines()[0]}; {_EXPECTED}.") from None
    if not pyarrow.types.is_integer(column.type):
        raise UserError(
            f"{path}: its column label is of type {column.type}; expected whole numbers of type ClassLabel, whose "
            "names the schema holds."
        )
    return LabelColumn(path, names, column.fill_null(-1).to_numpy().astype(np.int64))


def common_names(columns: Iterable[LabelColumn], default: Sequence[str]) -> list[str]:
    """The names of all files, in order of appearance; `default` for files without names."""
    return list(dict.fromkeys(name for column in columns for name in column.names or default))


def mapped(columns: Sequence[LabelColumn], default: Sequence[str], classes: Sequence[str]) -> "MappedLabels":
    """The labels of files in order, as positions in `classes`, by name.

    Raises `UserError` for a number without a name, and for a class with images that `classes` lacks.
    """
    segments: list[tuple[int, tuple[int, ...]]] = []
    end = 0
    for column in columns:
        names = column.names or default
        numbers = column.numbers
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= len(names)):
            raise UserError(
                f"{column.path} has labels {numbers.min()} to {numbers.max()} (-1: empty); expected 0 to "
                f"{len(names) - 1}, one for each of its class names."
            )
        counts = np.bincount(numbers, minlength=len(names)).tolist()
        labels = class_indices(names, classes, str(column.path), counts)
        end += len(numbers)
        if segments and segments[-1][1] == labels:
            segments.pop()
        segments.append((end, labels))
    return MappedLabels(tuple(segments))


@dataclass(frozen=True, slots=True)
class MappedLabels:
    """Number in a file -> label, for rows of files that may number their classes differently."""

    segments: tuple[tuple[int, tuple[int, ...]], ...]
    """(row after the last, label of each number), in row order: mostly one."""

    def label(self, row: int, number: int) -> int:
        return next(labels for end, labels in self.segments if row < end)[number]


def _check_columns(path: Path, schema: Any) -> None:
    missing = [name for name in _COLUMNS if name not in schema.names]
    if missing:
        raise UserError(
            f"{path} has no column {missing[0]}; it has {', '.join(schema.names)}: {_EXPECTED}. Rename the columns, "
            "e.g. with datasets' `rename_column`."
        )
    kind = schema.field("image").type
    if not hasattr(kind, "get_field_index") or kind.get_field_index("bytes") < 0:
        raise UserError(f"{path}: its column image is of type {kind}; expected a struct of bytes and path.")


def _names(metadata: dict[bytes, bytes] | None) -> tuple[str, ...] | None:
    """Hugging Face's class names in the metadata of a schema."""
    try:
        names = json.loads((metadata or {})[b"huggingface"])["info"]["features"]["label"]["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)
