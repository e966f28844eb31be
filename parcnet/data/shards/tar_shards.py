"""Tar files of (image, class) pairs, as webdataset and timm's `wds/` read them: CLASS/NAME.jpg, then CLASS/NAME.cls."""

import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from parcnet.base import UserError, counted, open_regular, printable
from parcnet.data.image_walk import FOREIGN, HIDDEN, OTHER, SPECIAL, UNREADABLE, Skipped, is_hidden
from parcnet.data.images import suffixes

_BLOCK = 512
_LONGEST_LABEL = 20  # bytes of a .cls member
LARGEST_LABEL = 999_999
"""Each label up to the largest becomes a class of the network."""
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
    path = Path(printable(relative))
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


def read_tar(path: Path, skipped: dict[str, Skipped] | None = None) -> Iterator[Member]:
    """The images of any webdataset shard, in order; what is neither image nor label is added to `skipped` by reason.

    Raises `UserError` for a damaged file, and for images without a label and labels without an image.
    """
    skipped = {} if skipped is None else skipped
    incomplete: dict[str, dict[str, tuple[str, int, int]]] = {}
    unplaced: list[str] = []
    try:
        with open_regular(path) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for info in tar:
                key, suffix = _key(info.name)
                if (reason := _unusable(info, suffix)) is not None:
                    if not info.isdir():
                        skipped.setdefault(reason, Skipped()).add(info.name)
                    continue
                parts = incomplete.setdefault(key, {})
                kind = "cls" if suffix == "cls" else "image"
                if kind in parts:
                    unplaced.append(info.name)
                    continue
                place = ("", _label(tar, info), 0) if kind == "cls" else (info.name, info.offset_data, info.size)
                parts[kind] = place
                if len(parts) == 2:
                    yield Member(*parts["image"], label=parts["cls"][1])
                    del incomplete[key]
    except _DAMAGE as error:
        raise UserError(f"{path} is damaged ({error or type(error).__name__}). Copy or pack it again.") from None
    unplaced += [parts["image"][0] if "image" in parts else f"{key}.cls" for key, parts in incomplete.items()]
    if unplaced:
        raise UserError(
            f"{path}: {counted(len(unplaced), 'member')} cannot be placed, {printable(unplaced[0])!r} first: each "
            "image needs one .cls of the same name with its class number, and each .cls an image. Copy or pack it "
            "again."
        )


def _unusable(info: tarfile.TarInfo, suffix: str) -> str | None:
    """Why a member is neither an image nor a label; None if it is one."""
    if not info.isfile() or info.issparse():
        return SPECIAL
    if any(is_hidden(part) for part in info.name.split("/") if part not in ("", ".", "..")):
        return HIDDEN
    if suffix == "cls" or f".{suffix}" in suffixes():
        return None
    return UNREADABLE if f".{suffix}" in FOREIGN else OTHER


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
        raise ValueError(f"{printable(info.name)} does not hold a class number")
    if int(text) > LARGEST_LABEL:
        raise ValueError(f"{printable(info.name)} holds the label {int(text)}; expected 0 to {LARGEST_LABEL}")
    return int(text)
