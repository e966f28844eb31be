"""Parquet files of images as Hugging Face's datasets and Hub read them: columns image (bytes, path) and label."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from parcnet.base import UserError, open_regular

_ROWS = 100  # per row group; readers hold one in memory at a time


def check_pyarrow() -> None:
    """Raises `UserError` naming the extra when pyarrow is not installed."""
    _pyarrow()


def write_parquet(path: Path, images: Iterable[tuple[str, bytes, int]], classes: Sequence[str]) -> None:
    """Writes (name, content, label) in the given order, uncompressed, since images are compressed already."""
    arrow, parquet = _pyarrow()
    features = {"image": {"_type": "Image"}, "label": {"names": list(classes), "_type": "ClassLabel"}}
    schema = arrow.schema(
        [
            ("image", arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])),
            ("label", arrow.int64()),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    with parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        remaining = iter(images)
        while group := list(islice(remaining, _ROWS)):
            rows = [{"image": {"bytes": content, "path": name}, "label": label} for name, content, label in group]
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))


def read_parquet(path: Path) -> Iterator[tuple[str, bytes, int]]:
    """(name, content, label) of each image. Raises `UserError` for a damaged file."""
    arrow, parquet = _pyarrow()
    try:
        with open_regular(path) as source, parquet.ParquetFile(source) as file:
            for batch in file.iter_batches(_ROWS):
                for row in batch.to_pylist():
                    yield row["image"]["path"], bytes(row["image"]["bytes"]), row["label"]
    except (arrow.ArrowException, OSError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}). Delete it and pack again.") from None


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UserError("writing parquet needs pyarrow. pip install 'parcnet[data]', or choose --format wds.") from None
    return pyarrow, parquet
