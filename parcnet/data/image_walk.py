"""The one walk that finds image files: each file once, hidden ones never, and what is skipped is counted by reason.

Linked folders and files are followed, but what is reached twice, e.g. through a link to a parent folder, is read once:
where it is in fact, rather than where a link shows it. Order as in torchvision: by folder, then by name.
"""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from parcnet.base import UserError, counted, printable, warn
from parcnet.data.images import suffixes

HIDDEN = "hidden or system"
OTHER = "no image"
UNREADABLE = "an image of a format that is not read"
REPEATED = "read already elsewhere"
SPECIAL = "a pipe, a device or a socket"

_SYSTEM = frozenset(
    {
        *("__macosx", "$recycle.bin", "system volume information", "lost+found", "@eadir", "#recycle", "__pycache__"),
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
    }
)
FOREIGN = frozenset({".heic", ".heif", ".jxl", ".svg", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raw", ".psd", ".eps"})
"""Suffixes of images that are not read."""
_EXAMPLES = 5


@dataclass(slots=True)
class Skipped:
    """Files, links and folders that were passed over for one reason."""

    count: int = 0
    examples: list[str] = field(default_factory=list)
    """The paths of the first few."""

    def add(self, path: str) -> None:
        self.count += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(printable(path))


@dataclass(frozen=True, slots=True)
class ImageWalk:
    """What a walk found."""

    parts: dict[str, list[str]]
    """Folder below the root -> the paths of its images, sorted; one part "" when the root itself was walked."""
    skipped: dict[str, Skipped]
    """Reason, e.g. `HIDDEN` -> what was passed over for it."""

    @property
    def images(self) -> list[str]:
        """All paths, by part."""
        return [path for paths in self.parts.values() for path in paths]

    def warn(self) -> None:
        """Says what may be missed."""
        warn_skipped(self.skipped)


def warn_skipped(skipped: Mapping[str, Skipped], where: str = "") -> None:
    """Says what may be missed: images of formats that are not read, repeated files, and what is no regular file."""
    for reason in (UNREADABLE, REPEATED, SPECIAL):
        if reason in skipped:
            found = skipped[reason]
            more = ", ..." if found.count > 1 else ""
            warn(f"{where}skipped {counted(found.count, 'path')} ({reason}): {found.examples[0]}{more}")


def walk_images(root: str | Path, parts: Sequence[str] = ("",)) -> ImageWalk:
    """All image files below each of the folders `parts` of `root`. Raises `UserError` for a folder it cannot list."""
    walker = _Walker(os.fspath(root))
    walker.walk(parts)
    found = {part: sorted(walker.found[part], key=_by_folder) for part in parts}
    return ImageWalk(found, walker.skipped)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden or belongs to the system, e.g. `._cat.jpg` and `__MACOSX`."""
    return name.startswith(".") or name.lower() in _SYSTEM


def is_image(name: str) -> bool:
    """Whether a file of this name is read as an image."""
    return os.path.splitext(name)[1].lower() in suffixes()


Identity = tuple[int, int] | str
"""Device and inode, or the real path where the file system numbers nothing."""


class _Walker:
    """Folders and files before links, so that a link never takes an image away from the folder that holds it."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.found: dict[str, list[str]] = {}
        self.skipped: dict[str, Skipped] = {}
        self._files: dict[Identity, str] = {}
        # a link to a folder that holds this one would lead into other splits and classes
        self._ancestors = {_identity(path) for path in _with_parents(os.path.realpath(root))}
        self._folders: set[Identity] = set()
        self._links: list[tuple[str, str]] = []

    def walk(self, parts: Iterable[str]) -> None:
        for part in parts:
            self.found[part] = []
            path = os.path.join(self.root, part) if part else self.root
            if part and os.path.islink(path):
                self._links.append((part, path))
            else:
                self._folder(part, path, _identity(path))
        while self._links:
            pending, self._links = sorted(self._links, key=lambda link: link[1]), []
            for part, path in pending:
                self._follow(part, path)

    def _folder(self, part: str, path: str, identity: Identity) -> None:
        """The folder and all below it, without its links."""
        pending = [(path, identity)]
        while pending:
            folder, identity = pending.pop()
            if identity in self._folders:
                self._skip(REPEATED, folder)
                continue
            self._folders.add(identity)
            for entry in _entries(folder):
                if is_hidden(entry.name):
                    self._skip(HIDDEN, entry.path)
                elif entry.is_symlink():
                    self._links.append((part, entry.path))
                elif entry.is_dir(follow_symlinks=False):
                    pending.append((entry.path, _identity(entry.path)))
                elif self._suffix(entry.path):
                    # from the listing, without asking the file system for each of a million files
                    regular, inode = entry.is_file(follow_symlinks=False), entry.inode()
                    if isinstance(identity, str) or inode == 0:
                        self._file(part, entry.path, os.path.realpath(entry.path), regular)
                    else:
                        self._file(part, entry.path, (identity[0], inode), regular)

    def _follow(self, part: str, path: str) -> None:
        try:
            target = os.stat(path)
        except OSError:  # broken: an image that cannot be read, which is for the reader to say
            if self._suffix(path):
                self.found[part].append(path)
            return
        identity = _identity(path, target)
        if stat.S_ISDIR(target.st_mode):
            if identity in self._ancestors or identity in self._folders:
                self._skip(REPEATED, path)
            else:
                self._folder(part, path, identity)
        elif self._suffix(path):
            self._file(part, path, identity, stat.S_ISREG(target.st_mode))

    def _suffix(self, path: str) -> bool:
        if is_image(path):
            return True
        foreign = os.path.splitext(path)[1].lower()
        known = foreign in FOREIGN or foreign in Image.registered_extensions()
        self._skip(UNREADABLE if known else OTHER, path)
        return False

    def _file(self, part: str, path: str, identity: Identity, regular: bool) -> None:
        if not regular:
            self._skip(SPECIAL, path)
        elif identity in self._files and os.path.samefile(self._files[identity], path):  # overlays repeat numbers
            self._skip(REPEATED, path)
        else:
            self._files[identity] = path
            self.found[part].append(path)

    def _skip(self, reason: str, path: str) -> None:
        self.skipped.setdefault(reason, Skipped()).add(path)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(f"cannot list {printable(folder)}: {error.strerror}.") from error


def _identity(path: str, found: os.stat_result | None = None) -> Identity:
    try:
        found = os.stat(path) if found is None else found
    except OSError as error:
        raise UserError(f"cannot list {printable(path)}: {error.strerror}.") from error
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(path)


def _with_parents(path: str) -> list[str]:
    return [path, *map(str, Path(path).parents)]


def _by_folder(path: str) -> tuple[str, str]:
    return os.path.split(path)
