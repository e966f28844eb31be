"""Assign the images of a folder to shards."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from parcnet.base import UserError
from parcnet.data.folders import FolderImages, open_folder

SPLITS = ("train", "val", "test")
Layout = Literal["wds", "parquet"]
_SUFFIX = {"wds": ".tar", "parquet": ".parquet"}
_ORDER_SEED = 0  # of the images in tar shards: packing is reproducible


@dataclass(frozen=True, slots=True)
class ShardSource:
    """An image file to pack."""

    number: int
    """Index in its split of the image folder, as in `open_dataset`."""
    path: str
    relative: str
    """CLASS/NAME"""
    label: int
    size: int


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A shard to write."""

    split: str
    name: str
    """Relative to the packed folder."""
    sources: tuple[ShardSource, ...]


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """All shards of an image folder."""

    name: str
    classes: tuple[str, ...]
    tasks: tuple[ShardTask, ...]

    @property
    def images(self) -> int:
        return sum(len(task.sources) for task in self.tasks)

    @property
    def bytes(self) -> int:
        return sum(source.size for task in self.tasks for source in task.sources)


def plan_shards(root: Path, layout: Layout, shard_bytes: int) -> ShardPlan:
    """Divides every split of the image folder `root` into shards of about `shard_bytes` bytes.

    Parquet keeps the folder's order. Tar shards, which may be streamed, hold the images in a fixed random order, so
    that a few shards at a time are a fair mixture. Raises `UserError` as `open_folder` does.
    """
    splits = {name: open_folder(root, name) for name in SPLITS if (root / name).is_dir()}
    if not splits:
        raise UserError(
            f"{root} has no train/, val/ or test/. Expected {root}/train/CLASS/IMAGE and {root}/val/CLASS/IMAGE."
        )
    if len({images.classes for images in splits.values()}) > 1:
        raise UserError(f"the splits of {root} have different classes; without train/ they must have the same.")
    tasks: list[ShardTask] = []
    for split, images in splits.items():
        groups = list(_groups(_sources(root / split, images, layout), shard_bytes))
        for number, group in enumerate(groups):
            stem = f"{split}-{number:05d}-of-{len(groups):05d}{_SUFFIX[layout]}"
            tasks.append(ShardTask(split, stem if layout == "wds" else f"data/{stem}", tuple(group)))
    first = next(iter(splits.values()))
    return ShardPlan(first.name, first.classes, tuple(tasks))


def _sources(folder: Path, images: FolderImages, layout: Layout) -> Iterator[ShardSource]:
    order = np.arange(len(images))
    if layout == "wds":
        np.random.default_rng(_ORDER_SEED).shuffle(order)
    for number in order.tolist():
        path = images.where(number)
        try:
            size = os.stat(path).st_size
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}.") from None
        yield ShardSource(number, path, os.path.relpath(path, folder), images.label(number), size)


def _groups(sources: Iterator[ShardSource], shard_bytes: int) -> Iterator[Sequence[ShardSource]]:
    group: list[ShardSource] = []
    total = 0
    for source in sources:
        if group and total + source.size > shard_bytes:
            yield group
            group, total = [], 0
        group.append(source)
        total += source.size
    if group:
        yield group
