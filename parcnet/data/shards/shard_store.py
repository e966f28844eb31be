"""Files of a packed data set by name: from a folder, or fetched once from a web address and kept."""

import contextlib
import fcntl
import hashlib
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Protocol

from parcnet.base import UserError, atomic_path
from parcnet.data.shards.manifest import PackedFile

_TRIES = 4
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 20


class Store(Protocol):
    """Where a packed data set lies. Sent to worker processes by pickle."""

    @property
    def where(self) -> str:
        """Folder or address, for messages."""

    def text(self, name: str) -> str:
        """A small file whose size and hash are not known, such as the manifest. `UserError` if it cannot be read."""

    def path(self, file: PackedFile) -> Path:
        """Where the file can be read. `UserError` if it cannot be had, or has not the size or hash it should have."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, whose files are taken to be what they were when written but for their size."""

    root: Path

    @property
    def where(self) -> str:
        return str(self.root)

    def text(self, name: str) -> str:
        try:
            return (self.root / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise UserError(
                f"cannot read {self.root / name}: {reason}. `parcnet data pack` makes such a folder from images, "
                "`parcnet data index` from tar shards."
            ) from None

    def path(self, file: PackedFile) -> Path:
        path = self.root / file.name
        try:
            size = path.stat().st_size
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}. Copy it again.") from None
        if size != file.bytes:
            raise UserError(f"{path} has {size} bytes; its manifest says {file.bytes}. Copy it again.")
        return path


@dataclass(frozen=True, slots=True)
class Web:
    """A web address (http, https) whose files are fetched when they are asked for first, checked, and kept in `cache`.

    Of the files kept, those that were used least recently go when there are more than `limit` bytes. Any number of
    processes may share a cache: one fetches, the others wait.
    """

    url: str
    cache: Path
    limit: int | None = None

    @property
    def where(self) -> str:
        return self.url

    def text(self, name: str) -> str:
        with atomic_path(self.cache / name) as temporary:
            self._fetch(name, temporary)
            content = temporary.read_bytes()
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise UserError(f"{self.url}/{name} is not UTF-8 text. Is this the address of packed images?") from None

    def path(self, file: PackedFile) -> Path:
        path = self.cache / f"{file.sha256[:16]}-{Path(file.name).name}"
        if not self._touch(path):
            with _locked(path):
                if not self._touch(path):
                    self._make_room(file.bytes)
                    with atomic_path(path) as temporary:
                        found = self._fetch(file.name, temporary)
                        if found != (file.bytes, file.sha256):
                            raise UserError(f"{self.url}/{file.name} is not what its manifest says: {found[0]} bytes.")
        return path

    def _touch(self, path: Path) -> bool:
        """Notes that the file is used, if it is there."""
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def _fetch(self, name: str, target: Path) -> tuple[int, str]:
        """Fetches to `target`, trying a few times; returns size and SHA-256."""
        reason: object = None
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(2.0**attempt / 4)
            digest, size = hashlib.sha256(), 0
            try:
                with (
                    urllib.request.urlopen(f"{self.url}/{name}", timeout=_TIMEOUT) as source,
                    target.open("wb") as file,
                ):
                    while chunk := source.read(_CHUNK):
                        digest.update(chunk)
                        size += file.write(chunk)
                    announced = source.headers.get("Content-Length")
                if announced is not None and size < int(announced):  # http.client takes a lost connection for the end
                    raise ConnectionError(f"the connection was lost after {size} of {announced} bytes")
                return size, digest.hexdigest()
            except urllib.error.HTTPError as error:
                reason = f"{error.code} {error.reason}"
                error.close()
                if error.code < 500:
                    break
            except urllib.error.URLError as error:
                reason = error.reason
            except (TimeoutError, ConnectionError, HTTPException) as error:
                reason = error or type(error).__name__
        raise UserError(f"cannot fetch {self.url}/{name}: {reason}. Check the address and the network.")

    def _make_room(self, size: int) -> None:
        if self.limit is None:
            return
        kept = []
        for path in self.cache.glob("*.tar"):
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                kept.append((path.stat().st_mtime, path.stat().st_size, path))
        kept.sort()
        total = size + sum(each for _, each, _ in kept)
        for _, freed, path in kept:
            if total <= self.limit:
                return
            path.unlink(missing_ok=True)  # who has it open keeps reading it
            total -= freed


def open_store(source: str) -> Folder | Web:
    """`source` without its `wds/`: a folder, or an address. Raises `UserError` for other schemes.

    Addresses are cached in $PARCNET_CACHE (default ~/.cache/parcnet), at most $PARCNET_CACHE_GB of each if that is set.
    """
    scheme, separator, _ = source.partition("://")
    if not separator:
        return Folder(Path(source))
    if scheme not in ("http", "https"):
        raise UserError(f"{source}: expected a folder or an address that begins with http:// or https://.")
    url = source.rstrip("/")
    root = Path(os.environ.get("PARCNET_CACHE", Path.home() / ".cache" / "parcnet"))
    limit = os.environ.get("PARCNET_CACHE_GB")
    try:
        most = None if limit is None else round(float(limit) * 1e9)
    except (ValueError, OverflowError):
        raise UserError(f"PARCNET_CACHE_GB is {limit!r}; expected a number of 1e9 bytes.") from None
    return Web(url, root / hashlib.sha256(url.encode()).hexdigest()[:16], most)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the kernel lets go of the lock of a process that dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
