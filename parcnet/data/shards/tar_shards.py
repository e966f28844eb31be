"""Tar files of (image, class) pairs, as webdataset and timm's `wds/` read them: CLASS/NAME.jpg, then CLASS/NAME.cls."""

import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from torchvision.datasets.folder import IMG_EXTENSIONS

from parcnet.base import UserError

_BLOCK = 512
_LONGEST_LABEL = 20  # bytes of a .cls member
_DAMAGE = (tarfile.TarError, OSError, EOFError, ValueError, OverflowError, IndexError, KeyError)


class Member(NamedTuple):
    """An image in a shard."""

    name: str
    offset: int
    """Of the image's first byte in the file."""
    size: int
    label: int


def member_name(relative: str, number: int) -> str:
    """`cat/IMG.1.JPEG`, image 12 -> `cat/00000012-IMG_1.jpg`.

    The number makes names unique; webdataset ends a sample's key at the first dot of the file name.
    """
    path = Path(relative)
    suffix = {".jpeg": ".jpg"}.get(path.suffix.lower(), path.suffix.lower())
    return str(path.with_name(f"{number:08d}-{path.stem.replace('.', '_')}{suffix}"))


def write_tar(path: Path, images: Iterable[tuple[str, bytes, int]]) -> list[Member]:
    """Writes (name, content, label) to `path`, reproducibly. Returns the member of each image."""
    members = []
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content, label in images:
            offset = _add(tar, name, content)
            members.append(Member(name, offset, len(content), label))
            _add(tar, f"{name.rpartition('.')[0]}.cls", str(label).encode())
    return members


def read_tar(path: Path) -> Iterator[Member]:
    """The images of any webdataset shard, in order. Raises `UserError` for a damaged file and for missing labels."""
    incomplete: dict[str, dict[str, tuple[str, int, int]]] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for info in tar:
                if not info.isfile() or info.issparse():
                    continue
                key, suffix = _key(info.name)
                kind = "cls" if suffix == "cls" else "image" if f".{suffix}" in IMG_EXTENSIONS else None
                if kind is None:
                    continue
                if kind == "cls":
                    label = _label(tar, info)
                    incomplete.setdefault(key, {})["cls"] = ("", label, 0)
                else:
                    incomplete.setdefault(key, {})["image"] = (info.name, info.offset_data, info.size)
                parts = incomplete[key]
                if len(parts) == 2:
                    yield Member(*parts["image"], label=parts["cls"][1])
                    del incomplete[key]
    except _DAMAGE as error:
        raise UserError(f"{path} is damaged ({error or type(error).__name__}). Copy or pack it again.") from None
    if incomplete:
        raise UserError(f"{path}: {next(iter(incomplete))!r} lacks its image or its .cls. Copy or pack it again.")


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> int:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
    return tar.offset - -(-len(content) // _BLOCK) * _BLOCK


def _key(name: str) -> tuple[str, str]:
    match = re.match(r"((?:.*/)?[^./]+)\.([^/]*)$", name)
    return (match[1], match[2].lower()) if match else (name, "")


def _label(tar: tarfile.TarFile, info: tarfile.TarInfo) -> int:
    content = tar.extractfile(info)
    text = content.read(_LONGEST_LABEL) if content else b""
    if not re.fullmatch(rb"\s*\d{1,9}\s*", text):
        raise ValueError(f"{info.name} does not hold a class number")
    return int(text)
