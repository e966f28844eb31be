"""A fingerprint of a data set: the same in another folder, another for other images, names or labels."""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, Protocol, runtime_checkable

import numpy as np

from parcnet.base.spacing import evenly_spaced
from parcnet.data.datasets import LabelledImages
from parcnet.data.images import BadImage, read_image

SAMPLED = 64
"""Images of a split whose labels and contents are hashed; spread evenly, hence over the classes of a folder."""
SIZED = 10_000
"""Files of a split whose sizes are."""


@runtime_checkable
class SupportsListing(Protocol):
    """A data set that lists all its images at once."""

    def listing(self) -> Iterator[bytes]:
        """What identifies all images, without reading them: an index, checksums, labels."""

    @property
    def sampled(self) -> bool:
        """Whether single images may be read for a fingerprint: not those that are downloaded a shard at a time."""


def fingerprint(images: LabelledImages) -> dict[str, Any]:
    """JSON values: how the data are laid out, a hash of all names and sizes, and one of a sample's contents.

    The sample's hash is the same for a folder and for its shards, which hold the same files; the other is compared for
    one layout alone. Absolute paths and the modification times of files are left out: data sets are copied.
    """
    listed = images.listing() if isinstance(images, SupportsListing) else _names_and_sizes(images)
    sampled = images.sampled if isinstance(images, SupportsListing) else True
    return {
        "layout": type(images).__name__,
        "listing": _hash(listed),
        "sample": _hash(_sample(images)) if sampled else None,
    }


def differs(before: dict[str, Any], now: dict[str, Any]) -> str | None:
    """What differs between two fingerprints, in words; None where nothing does that both know."""
    if before.get("sample") and now.get("sample") and before["sample"] != now["sample"]:
        return "labels or contents of its images"
    same_layout = before.get("layout") == now.get("layout")
    return "names or sizes of its images" if same_layout and before.get("listing") != now.get("listing") else None


def _names_and_sizes(images: LabelledImages) -> Iterator[bytes]:
    """The last two parts of each image's path, and sizes of files, which are asked for where they are not too many."""
    for index in range(len(images)):
        yield "/".join(PurePath(images.where(index)).parts[-2:]).encode(errors="surrogateescape")
    for index in evenly_spaced(len(images), SIZED):
        try:
            found = os.stat(images.where(index))
        except (OSError, ValueError):
            continue
        if stat.S_ISREG(found.st_mode):
            yield str(found.st_size).encode()


def _sample(images: LabelledImages) -> Iterator[bytes]:
    for index in evenly_spaced(len(images), SAMPLED):
        yield str(index).encode()
        try:
            yield from _bytes(images.label(index))
            yield from _content(images, index)
        except BadImage:
            yield b"unreadable"


def _content(images: LabelledImages, index: int) -> Iterator[bytes]:
    """The bytes of an image's file, which no decoder changes; pixels of one that has no file."""
    stored: Callable[[int], bytes] | None = getattr(images, "content", None)
    if stored is not None:
        yield stored(index)
    elif os.path.isfile(images.where(index)):
        yield read_image(images.where(index))
    else:
        image = images.image(index)
        yield f"{image.mode} {image.size}".encode()
        yield image.tobytes()


def _bytes(label: Any) -> Iterator[bytes]:
    """A label of any task as bytes that do not depend on the machine."""
    if hasattr(label, "truth"):  # instances of a detector
        label = label.truth
    if hasattr(label, "numpy"):
        label = label.numpy()
    if isinstance(label, np.ndarray):
        yield f"{label.dtype} {label.shape}".encode()
        yield label.tobytes()
    else:
        yield json.dumps(label, sort_keys=True, default=str).encode()


def _hash(parts: Iterator[bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()[:32]
