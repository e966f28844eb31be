"""Images in tar shards with random access through an index of offsets."""

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from parcnet.base import UserError
from parcnet.data.images import BadImage, decode_image
from parcnet.data.shards.file_hash import file_sha256
from parcnet.data.shards.labels import class_indices
from parcnet.data.shards.manifest import NAME, Manifest, PackedFile, PackedSplit, parse_manifest
from parcnet.data.shards.shard_store import ShardStore, WebStore, open_store
from parcnet.data.shards.tar_index import read_index

_OPEN_FILES = 64  # per process
WINDOW = 8
"""Shards that are mixed at a time when they are downloaded."""


class TarImages:
    """Images of one split, with the indices of the image folder that was packed."""

    def __init__(
        self, store: ShardStore, name: str, classes: Sequence[str], split: PackedSplit, labels: Sequence[int]
    ) -> None:
        self.name = name
        self.classes = tuple(classes)
        self._store, self._split, self._labels = store, split, tuple(labels)
        self._open()

    def _open(self) -> None:
        assert self._split.index is not None, "tar shards without an index"
        path = self._store.path(self._split.index)
        self._index = read_index(path, self._split.images, len(self._split.shards), len(self._split.per_class))
        self._files: OrderedDict[int, int] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        # without the memory-mapped index, which pickle would copy, and open files
        return {name: value for name, value in self.__dict__.items() if name not in ("_index", "_files")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def __del__(self) -> None:
        for file in getattr(self, "_files", {}).values():
            os.close(file)

    def __len__(self) -> int:
        return len(self._index)

    def image(self, index: int) -> Image.Image:
        return decode_image(self.content(index), self.where(index))

    def content(self, index: int) -> bytes:
        """The bytes of the image file. Raises `BadImage` for a shard that cannot be read or is too short."""
        row = self._index[index]
        size, offset = int(row["size"]), int(row["offset"])
        if offset + size > self._split.shards[row["shard"]].bytes:
            raise BadImage(self.where(index), "its offset lies outside the shard")
        try:
            content = os.pread(self._file(int(row["shard"])), size, offset)
        except (OSError, UserError) as error:
            raise BadImage(self.where(index), str(error)) from None
        if len(content) != size:
            raise BadImage(self.where(index), "the shard is truncated")
        return content

    def label(self, index: int) -> int:
        return self._labels[self._index[index]["label"]]

    def where(self, index: int) -> str:
        row = self._index[index]
        return f"{self._store.where}/{self._split.shards[row['shard']].name}, byte {row['offset']}"

    def listing(self) -> Iterator[bytes]:
        """The index, and the shards' checksums."""
        yield np.ascontiguousarray(self._index).tobytes()
        for shard in self._split.shards:
            yield shard.sha256.encode()

    @property
    def sampled(self) -> bool:
        """Single images are read from local shards alone."""
        return not isinstance(self._store, WebStore)

    def order(self, generator: torch.Generator) -> Tensor | None:
        """For downloaded shards an order that needs few of them at a time; None for a local folder.

        With the shards in a random order p = 0, 1, ..., an image of shard p has the sort key p + WINDOW u, u uniform
        in [0, 1): a window that slides over the shards.
        """
        if not isinstance(self._store, WebStore):
            return None
        rank = torch.randperm(len(self._split.shards), generator=generator)
        shard = torch.from_numpy(np.asarray(self._index["shard"], dtype=np.int64))
        drawn = torch.rand(len(shard), generator=generator, dtype=torch.float64)
        return torch.argsort(rank[shard] + WINDOW * drawn, stable=True)

    def _file(self, shard: int) -> int:
        if shard in self._files:
            self._files.move_to_end(shard)
            return self._files[shard]
        self._files[shard] = os.open(self._store.path(self._split.shards[shard]), os.O_RDONLY)
        if len(self._files) > _OPEN_FILES:
            os.close(self._files.popitem(last=False)[1])
        return self._files[shard]


def open_tars(source: str, split: str, classes: Sequence[str] | None = None) -> TarImages:
    """The images of `split` of the folder or URL `source`; see `data.open_dataset`."""
    store, manifest = _manifest(source)
    where = f"{store.where}/{NAME}"
    if manifest.layout != "wds":
        raise UserError(f"{store.where} holds {manifest.layout} files, not tar shards; use --data-dir hfds/{source}.")
    packed = manifest.split(split, where)
    if packed.index is None:
        raise UserError(f"{where} has no index of {split}. Run `parcnet data index {source}`.")
    _check_hash(store.path(packed.index), packed.index)
    labels = class_indices(manifest.classes, classes, store.where, packed.per_class)
    return TarImages(store, manifest.name, classes or manifest.classes, packed, labels)


def _check_hash(path: Path, index: PackedFile) -> None:
    """An index of the right size with other offsets or labels would give wrong images or labels in silence."""
    if file_sha256(path) != index.sha256:
        raise UserError(
            f"{path} was altered or damaged: its SHA-256 does not match its manifest. Copy both again, or run "
            "`parcnet data index`."
        )


def tar_splits(source: str) -> tuple[str, ...]:
    """The splits of the folder or URL `source`."""
    return tuple(_manifest(source)[1].splits)


def _manifest(source: str) -> tuple[ShardStore, Manifest]:
    store = open_store(source)
    return store, parse_manifest(store.text(NAME), f"{store.where}/{NAME}")
