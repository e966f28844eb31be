"""Index of the images of a split of tar shards: an array on disk, shared by all processes that memory-map it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parcnet.base import UserError, atomic_path

DTYPE = np.dtype([("shard", "<u4"), ("offset", "<u8"), ("size", "<u4"), ("label", "<u4")])
"""20 bytes an image: 26 MB for 1.3M, 280 MB for 14M."""


def write_index(path: Path, index: NDArray[np.void]) -> None:
    """Writes the rows atomically, without a header."""
    with atomic_path(path) as temporary:
        index.tofile(temporary)


def read_index(path: Path, images: int, shards: int, classes: int) -> NDArray[np.void]:
    """The memory-mapped index in `path`. Raises `UserError` unless it fits the counts of images, shards and classes."""
    try:
        index = np.memmap(path, DTYPE, "r", shape=(images,)) if images else np.empty(0, DTYPE)
        complete = path.stat().st_size == index.nbytes
    except (OSError, ValueError, OverflowError, MemoryError) as error:
        raise UserError(
            f"cannot read {path}: {error}. Copy it again, or run `parcnet data index` on its folder."
        ) from None
    if not complete or (images and (index["shard"].max() >= shards or index["label"].max() >= classes)):
        raise UserError(f"{path} does not match its manifest. Copy both again, or run `parcnet data index`.")
    return index
