"""Images in tar shards, by number: read where the index says they lie, so that any order is possible."""

import os
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from parcnet.base import UserError
from parcnet.data.images import BadImage, decode_image
from parcnet.data.shards.labels import positions
from parcnet.data.shards.manifest import NAME, Manifest, PackedSplit, parse_manifest
from parcnet.data.shards.shard_store import Store, Web, open_store
from parcnet.data.shards.tar_index import read_index

_OPEN_FILES = 64  # of a process at a time
WINDOW = 8
"""Shards that are mixed at any moment when they come from a web address."""


class TarImages:
    """Images of one split. They keep the numbers they had in the folder that was packed."""

    def __init__(
        self, store: Store, name: str, classes: Sequence[str], split: PackedSplit, labels: Sequence[int]
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
        # neither the mapped index, which pickle would copy, nor open files
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
        """The image file's bytes. `BadImage` for a shard that cannot be had or is too short."""
        row = self._index[index]
        size, offset = int(row["size"]), int(row["offset"])
        if offset + size > self._split.shards[row["shard"]].bytes:
            raise BadImage(self.where(index), "its index leads out of the shard")
        try:
            content = os.pread(self._file(int(row["shard"])), size, offset)
        except (OSError, UserError) as error:
            raise BadImage(self.where(index), str(error)) from None
        if len(content) != size:
            raise BadImage(self.where(index), "the shard ends before it")
        return content

    def label(self, index: int) -> int:
        return self._labels[self._index[index]["label"]]

    def where(self, index: int) -> str:
        row = self._index[index]
        return f"{self._store.where}/{self._split.shards[row['shard']].name}, byte {row['offset']}"

    def order(self, generator: torch.Generator) -> Tensor | None:
        """For shards from the web an order that needs few of them at a time; None: any order is as good.

        With the shards in a random order p = 0, 1, ..., an image of shard p comes at place p + WINDOW u, u uniform in
        [0, 1): a sliding window, in which shards come and go one by one.
        """
        if not isinstance(self._store, Web):
            return None
        place = torch.randperm(len(self._split.shards), generator=generator)
        shard = torch.from_numpy(np.asarray(self._index["shard"], dtype=np.int64))
        drawn = torch.rand(len(shard), generator=generator, dtype=torch.float64)
        return torch.argsort(place[shard] + WINDOW * drawn, stable=True)

    def _file(self, shard: int) -> int:
        if shard in self._files:
            self._files.move_to_end(shard)
            return self._files[shard]
        self._files[shard] = os.open(self._store.path(self._split.shards[shard]), os.O_RDONLY)
        if len(self._files) > _OPEN_FILES:
            os.close(self._files.popitem(last=False)[1])
        return self._files[shard]


def open_tars(source: str, split: str, classes: Sequence[str] | None = None) -> TarImages:
    """The images of `split` of the folder or address `source`; see `data.open_dataset`."""
    store, manifest = _manifest(source)
    where = f"{store.where}/{NAME}"
    if manifest.layout != "wds":
        raise UserError(f"{store.where} holds {manifest.layout} files, not tar shards: --data-dir hfds/{source}.")
    found = manifest.split(split, where)
    if found.index is None:
        raise UserError(f"{where} names no index of {split}. Run `parcnet data index {source}`.")
    labels = positions(manifest.classes, classes, store.where, found.per_class)
    return TarImages(store, manifest.name, classes or manifest.classes, found, labels)


def tar_splits(source: str) -> tuple[str, ...]:
    """The splits of the folder or address `source`."""
    return tuple(_manifest(source)[1].splits)


def _manifest(source: str) -> tuple[Store, Manifest]:
    store = open_store(source)
    return store, parse_manifest(store.text(NAME), f"{store.where}/{NAME}")
