"""The manifest of a packed dataset: manifest.json beside its shards."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from parcnet.base import UserError, unknown, write_json
from parcnet.base.untrusted import parse_json

NAME = "manifest.json"
_FORMAT = 1
_FILE = re.compile(r"(data/)?[A-Za-z0-9_][A-Za-z0-9_.-]*")  # manifests are untrusted: no path may leave the folder
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file: name relative to the manifest, size and SHA-256."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Shard(PackedFile):
    """A file of images."""

    images: int


@dataclass(frozen=True, slots=True)
class PackedSplit:
    """The shards of train, val or test; `per_class` counts images in the order of the classes."""

    per_class: tuple[int, ...]
    shards: tuple[Shard, ...]
    index: PackedFile | None
    """Offset of each image (tar shards only): see `tar_index`."""

    @property
    def images(self) -> int:
        return sum(self.per_class)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Class names and the shards of each split."""

    name: str
    """Of the dataset, for reports and checkpoints."""
    layout: Literal["wds", "parquet"]
    classes: tuple[str, ...]
    splits: Mapping[str, PackedSplit]

    def split(self, name: str, where: str) -> PackedSplit:
        """The split `name`. Raises `UserError` listing the splits that exist."""
        if name not in self.splits:
            raise unknown("split", name, self.splits, f"{where} has {', '.join(self.splits) or 'none'}.")
        return self.splits[name]

    def write(self, folder: Path) -> None:
        """Writes manifest.json atomically."""
        splits = {name: {"images": split.images, **dataclasses.asdict(split)} for name, split in self.splits.items()}
        content = {"format": _FORMAT, "name": self.name, "layout": self.layout, "classes": self.classes}
        write_json(folder / NAME, {**content, "splits": splits})


def parse_manifest(text: str, where: str) -> Manifest:
    """The manifest in a JSON text. Raises `UserError` for a damaged or unsafe one and for another format version."""
    try:
        content = parse_json(text)
        if content["format"] != _FORMAT:
            raise UserError(f"{where} has format {content['format']!r}; this parcnet reads {_FORMAT}. Upgrade parcnet.")
        splits = {str(name): _split(split, len(content["classes"])) for name, split in content["splits"].items()}
        layout = {"wds": "wds", "parquet": "parquet"}[content["layout"]]
        classes = tuple(_text(name) for name in content["classes"])
        return Manifest(_text(content["name"]), layout, classes, splits)  # type: ignore[arg-type]  # Literal by lookup
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error) or type(error).__name__
        raise UserError(
            f"{where} is damaged ({reason}). Write it again with `parcnet data pack` or `parcnet data index`."
        ) from None


def _split(content: Mapping[str, Any], classes: int) -> PackedSplit:
    counts = tuple(_count(each) for each in content["per_class"])
    shards = tuple(Shard(*_file(each), images=_count(each["images"])) for each in content["shards"])
    index = None if content["index"] is None else PackedFile(*_file(content["index"]))
    if len(counts) != classes or sum(counts) != content["images"] or sum(each.images for each in shards) != sum(counts):
        raise ValueError("its counts are inconsistent")
    return PackedSplit(counts, shards, index)


def _file(content: Mapping[str, Any]) -> tuple[str, int, str]:
    name, digest = _text(content["name"]), _text(content["sha256"])
    if not _FILE.fullmatch(name) or ".." in name:
        raise ValueError(f"{name!r} is not a plain file name")
    if not _SHA256.fullmatch(digest):
        raise ValueError(f"{name} has no SHA-256")
    return name, _count(content["bytes"]), digest


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} should be text")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} should be a count")
    return value
