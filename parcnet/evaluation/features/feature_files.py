"""Feature files: one .npz, or a folder of parquet parts."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcnet.base import UserError, atomic_path
from parcnet.base.untrusted import parse_json

NPZ = ".npz"
_EXTRA = "parquet files need pyarrow: pip install 'parcnet[data]', or choose an output that ends with .npz"


@dataclass(frozen=True, slots=True)
class Features:
    """One row per image, in the order of the data set."""

    vectors: NDArray[np.float32]
    """[images, channels]."""
    labels: NDArray[np.int64]
    """[images], indices into `classes`."""
    indices: NDArray[np.int64]
    """[images], indices into the data set; unreadable images are missing."""
    where: tuple[str, ...]
    """File or other source of each image."""
    about: Mapping[str, Any]
    """Provenance: `key`, `classes`, `model`, `data`, `split`, `images`."""

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.about["classes"])


def write_features(path: Path, features: Features) -> None:
    """Writes one file atomically: .npz, or .parquet with columns index, where, label, class, feature."""
    if path.suffix == NPZ:
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                vectors=features.vectors,
                labels=features.labels,
                indices=features.indices,
                where=np.array(features.where, dtype=np.str_),
                about=np.array(json.dumps(dict(features.about))),
            )
        return
    arrow, parquet = _pyarrow()
    width = features.vectors.shape[1]
    columns = {
        "index": arrow.array(features.indices),
        "where": arrow.array(features.where, arrow.string()),
        "label": arrow.array(features.labels),
        "class": arrow.array([features.classes[label] for label in features.labels], arrow.string()),
        "feature": arrow.FixedSizeListArray.from_arrays(arrow.array(features.vectors.ravel()), width),
    }
    table = arrow.table(columns).replace_schema_metadata({"parcnet": json.dumps(dict(features.about))})
    with atomic_path(path) as temporary:
        parquet.write_table(table, temporary)


def read_about(path: Path) -> Mapping[str, Any] | None:
    """The provenance stored in a file; None for a missing or incomplete file."""
    try:
        if path.suffix == NPZ:
            with np.load(path, allow_pickle=False) as found:
                about = found["about"].item()
        else:
            _, parquet = _pyarrow()
            about = parquet.read_schema(path).metadata[b"parcnet"]
        read: dict[str, Any] = parse_json(about)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return read


def read_features(path: str | Path) -> Features:
    """Reads an .npz file or a folder of parquet parts, in the order of the data set.

    Raises `UserError` for no features, missing parts, and parts of different networks or data.
    """
    path = Path(path)
    parts = [path] if path.is_file() else sorted(path.glob("part-*-of-*.parquet"))
    if not parts:
        raise UserError(f"{path} holds no features: expected a .npz file or a folder that `parcnet features` wrote.")
    read = [_read(each) for each in parts]
    if len({each.about["key"] for each in read}) > 1:
        raise UserError(f"the parts in {path} are from different networks or data sets. Delete it and extract again.")
    expected = parts[0].stem.rpartition("-")[2]
    if path.is_dir() and len(parts) != int(expected):
        raise UserError(
            f"{path} has {len(parts)} parts of {expected}: run the same `parcnet features` command to resume."
        )
    return concatenated(read)


def concatenated(parts: Iterable[Features]) -> Features:
    """All parts as one, in the order of the data set."""
    found = list(parts)
    indices = np.concatenate([each.indices for each in found])
    order = np.argsort(indices, kind="stable")
    where = [source for each in found for source in each.where]
    return Features(
        np.concatenate([each.vectors for each in found])[order],
        np.concatenate([each.labels for each in found])[order],
        indices[order],
        tuple(where[row] for row in order),
        found[0].about,
    )


def _read(path: Path) -> Features:
    about = read_about(path)
    if about is None:
        raise UserError(f"{path} cannot be read, or was not written by `parcnet features`.")
    if path.suffix == NPZ:
        with np.load(path, allow_pickle=False) as found:
            where = tuple(found["where"].tolist())
            return Features(found["vectors"], found["labels"], found["indices"], where, about)
    _, parquet = _pyarrow()
    table = parquet.read_table(path).combine_chunks()
    vectors = np.stack(table["feature"].to_numpy()) if len(table) else np.zeros((0, 0), np.float32)
    return Features(
        vectors.astype(np.float32, copy=False),
        table["label"].to_numpy(),
        table["index"].to_numpy(),
        tuple(table["where"].to_pylist()),
        about,
    )


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UserError(_EXTRA) from None
    return pyarrow, pyarrow.parquet
