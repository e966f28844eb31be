"""Features of images in files: a parquet folder of parts, or one .npz."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcnet.base import UserError, atomic_path

NPZ = ".npz"
_EXTRA = "parquet files need pyarrow: pip install 'parcnet[data]', or choose an output that ends with .npz"


@dataclass(frozen=True, slots=True)
class Features:
    """One row an image, in the order of the data set."""

    vectors: NDArray[np.float32]
    """[images, channels]."""
    labels: NDArray[np.int64]
    """[images], positions in `classes`."""
    indices: NDArray[np.int64]
    """[images], positions in the data set: some are missing where images could not be read."""
    where: tuple[str, ...]
    """File or place of each image."""
    about: Mapping[str, Any]
    """What they were made from: `key`, `classes`, `model`, `data`, `split`, `images`."""

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.about["classes"])


def write_part(path: Path, part: Features) -> None:
    """Writes one file atomically: .npz, or .parquet with columns index, where, label, class, feature."""
    if path.suffix == NPZ:
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                vectors=part.vectors,
                labels=part.labels,
                indices=part.indices,
                where=np.array(part.where, dtype=np.str_),
                about=np.array(json.dumps(dict(part.about))),
            )
        return
    arrow, parquet = _pyarrow()
    width = part.vectors.shape[1]
    columns = {
        "index": arrow.array(part.indices),
        "where": arrow.array(part.where, arrow.string()),
        "label": arrow.array(part.labels),
        "class": arrow.array([part.classes[label] for label in part.labels], arrow.string()),
        "feature": arrow.FixedSizeListArray.from_arrays(arrow.array(part.vectors.ravel()), width),
    }
    table = arrow.table(columns).replace_schema_metadata({"parcnet": json.dumps(dict(part.about))})
    with atomic_path(path) as temporary:
        parquet.write_table(table, temporary)


def read_about(path: Path) -> Mapping[str, Any] | None:
    """What a part says it was made from; None where there is no whole part."""
    try:
        if path.suffix == NPZ:
            with np.load(path, allow_pickle=False) as found:
                about = found["about"].item()
        else:
            _, parquet = _pyarrow()
            about = parquet.read_schema(path).metadata[b"parcnet"]
        read: dict[str, Any] = json.loads(about)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return read


def read_features(path: str | Path) -> Features:
    """All features of an .npz file or of a folder of parquet parts, in the order of the data set.

    Raises `UserError` when there are none, when parts are missing, and when parts were made from different things.
    """
    path = Path(path)
    parts = [path] if path.is_file() else sorted(path.glob("part-*-of-*.parquet"))
    if not parts:
        raise UserError(f"{path} holds no features: expected a .npz file or a folder that `parcnet features` wrote.")
    read = [_read(each) for each in parts]
    if len({each.about["key"] for each in read}) > 1:
        raise UserError(f"the parts in {path} were made from different things. Delete it and extract again.")
    if path.is_dir() and len(parts) != int(parts[0].stem.rpartition("-")[2]):
        raise UserError(f"{path} has {len(parts)} parts of {parts[0].stem.rpartition('-')[2]}: extract again to go on.")
    return joined(read)


def joined(parts: Iterable[Features]) -> Features:
    """Parts as one, in the order of the data set."""
    found = list(parts)
    indices = np.concatenate([each.indices for each in found])
    order = np.argsort(indices, kind="stable")
    where = [place for each in found for place in each.where]
    return Features(
        np.concatenate([each.vectors for each in found])[order],
        np.concatenate([each.labels for each in found])[order],
        indices[order],
        tuple(where[place] for place in order),
        found[0].about,
    )


def _read(path: Path) -> Features:
    about = read_about(path)
    if about is None:
        raise UserError(f"{path} cannot be read, or `parcnet features` did not write it.")
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
