"""Where each image of a split of tar shards lies: rows of numbers on disk, shared by all processes that map it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parcnet.base import UserError, atomic_path

DTYPE = np.dtype([("shard", "<u4"), ("offset", "<u8"), ("size", "<u4"), ("label", "<u4")])
"""20 bytes an image: 26 MB for 1.3M, 280 MB for 14M."""


def write_index(path: Path, index: NDArray[np.void]) -> None:
    """Writes the rows and nothing else, atomically: a format without a header has no header to be damaged."""
    with atomic_path(path) as temporary:
        index.tofile(temporary)


def read_index(path: Path, images: int, shards: int, classes: int) -> NDArray[np.void]:
    """The index in `path`, mapped, not loaded. `UserError` for one that is not of so many images, shards, classes."""
    try:
        index = np.memmap(path, DTYPE, "r", shape=(images,)) if images else np.empty(0, DTYPE)
        whole = path.stat().st_size == index.nbytes
    except (OSError, ValueError, OverflowError, MemoryError) as error:
        raise UserError(
            f"cannot read {path}: {error}. Copy it again, or run `parcnet data index` on its folder."
        ) from None
    if not whole or (images and (index["shard"].max() >= shards or index["label"].max() >= classes)):
        raise UserError(f"{path} does not belong to its manifest. Copy both again, or run `parcnet data index`.")
    return index
