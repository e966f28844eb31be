"""Which images of a folder go into which shard."""

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
_ORDER_SEED = 0  # of the images in tar shards: packing twice gives the same files


@dataclass(frozen=True, slots=True)
class Source:
    """An image file to be packed."""

    number: int
    """In its split, as `open_dataset` numbers the folder."""
    path: str
    relative: str
    """CLASS/NAME"""
    label: int
    size: int


@dataclass(frozen=True, slots=True)
class Task:
    """A shard to be written."""

    split: str
    name: str
    """Relative to the packed folder."""
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What packing a folder will do."""

    name: str
    classes: tuple[str, ...]
    tasks: tuple[Task, ...]

    @property
    def images(self) -> int:
        return sum(len(task.sources) for task in self.tasks)

    @property
    def bytes(self) -> int:
        return sum(source.size for task in self.tasks for source in task.sources)


def plan_shards(root: Path, layout: Layout, shard_bytes: int) -> Plan:
    """Cuts every split of the image folder `root` into shards of about so many bytes.

    Parquet keeps the folder's order. Tar shards, which may be streamed, hold the images in a random one, always the
    same, so that few shards at a time are already a fair mixture. Raises `UserError` as `open_folder` does.
    """
    splits = {name: open_folder(root, name) for name in SPLITS if (root / name).is_dir()}
    if not splits:
        raise UserError(
            f"{root} has no train/, val/ or test/. Expected {root}/train/CLASS/IMAGE and {root}/val/CLASS/IMAGE."
        )
    if len(found := {images.classes for images in splits.values()}) > 1:
        raise UserError(f"the splits of {root} have {len(found)} sets of classes; without train/ they must be equal.")
    tasks: list[Task] = []
    for split, images in splits.items():
        groups = list(_groups(_sources(root / split, images, layout), shard_bytes))
        for place, group in enumerate(groups):
            stem = f"{split}-{place:05d}-of-{len(groups):05d}{_SUFFIX[layout]}"
            tasks.append(Task(split, stem if layout == "wds" else f"data/{stem}", tuple(group)))
    first = next(iter(splits.values()))
    return Plan(first.name, first.classes, tuple(tasks))


def _sources(folder: Path, images: FolderImages, layout: Layout) -> Iterator[Source]:
    order = np.arange(len(images))
    if layout == "wds":
        np.random.default_rng(_ORDER_SEED).shuffle(order)
    for number in order.tolist():
        path = images.where(number)
        try:
            size = os.stat(path).st_size
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}.") from None
        yield Source(number, path, os.path.relpath(path, folder), images.label(number), size)


def _groups(sources: Iterator[Source], shard_bytes: int) -> Iterator[Sequence[Source]]:
    group: list[Source] = []
    total = 0
    for source in sources:
        if group and total + source.size > shard_bytes:
            yield group
            group, total = [], 0
        group.append(source)
        total += source.size
    if group:
        yield group
