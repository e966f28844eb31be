"""Files of a packed dataset by name: in a folder, or downloaded once from a web server and cached."""

import contextlib
import hashlib
import os
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Protocol

from parcnet.base import UserError, atomic_path, read_regular, wait_for_lock
from parcnet.data.shards.manifest import PackedFile

_TRIES = 4
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 20


class ShardStore(Protocol):
    """Storage of a packed dataset. Sent to worker processes by pickle."""

    @property
    def where(self) -> str:
        """Folder or URL, for messages."""

    def text(self, name: str) -> str:
        """A small file of unknown size and hash, such as the manifest. Raises `UserError` if it cannot be read."""

    def path(self, file: PackedFile) -> Path:
        """Local path of the file. Raises `UserError` if it cannot be read, or its size or hash is wrong."""


@dataclass(frozen=True, slots=True)
class FolderStore:
    """A local folder. Sizes are checked, hashes are not."""

    root: Path

    @property
    def where(self) -> str:
        return str(self.root)

    def text(self, name: str) -> str:
        try:
            return read_regular(self.root / name).decode()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise UserError(
                f"cannot read {self.root / name}: {reason}. `parcnet data pack` makes it from images, "
                "`parcnet data index` from tar shards."
            ) from None

    def path(self, file: PackedFile) -> Path:
        path = self.root / file.name
        try:
            found = path.stat()
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}. Copy it again.") from None
        if not stat.S_ISREG(found.st_mode):
            raise UserError(f"cannot read {path}: it is not a regular file. Copy it again.")
        size = found.st_size
        if size != file.bytes:
            raise UserError(f"{path} has {size} bytes; expected {file.bytes} by its manifest. Copy it again.")
        return path


@dataclass(frozen=True, slots=True)
class WebStore:
    """A URL (http, https) whose files are downloaded on first use, verified by SHA-256, and cached in `cache`.

    Above `limit` bytes the least recently used files are removed. Any number of processes may share a cache: one
    downloads, the others wait.
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
            raise UserError(f"{self.url}/{name} is not UTF-8 text. Is this the URL of a packed dataset?") from None

    def path(self, file: PackedFile) -> Path:
        path = self.cache / f"{file.sha256[:16]}-{Path(file.name).name}"
        if not self._touch(path):
            with _locked(path):
                if not self._touch(path):
                    self._make_room(file.bytes)
                    with atomic_path(path) as temporary:
                        size, digest = self._fetch(file.name, temporary)
                        if (size, digest) != (file.bytes, file.sha256):
                            raise UserError(
                                f"{self.url}/{file.name} ({size} bytes, SHA-256 {digest[:16]}) differs from its "
                                f"manifest ({file.bytes} bytes, SHA-256 {file.sha256[:16]}). Upload both again."
                            )
        return path

    def _touch(self, path: Path) -> bool:
        """Marks the file as recently used; False if it does not exist."""
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def _fetch(self, name: str, target: Path) -> tuple[int, str]:
        """Downloads to `target`, with retries; returns size and SHA-256."""
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
                if announced is not None and size < int(announced):  # http.client reads a lost connection as the end
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
        raise UserError(f"cannot download {self.url}/{name}: {reason}. Check the URL and the network.")

    def _make_room(self, size: int) -> None:
        if self.limit is None:
            return
        kept = []
        for path in self.cache.glob("*.tar"):
            with contextlib.suppress(FileNotFoundError):  # removed by another process
                kept.append((path.stat().st_mtime, path.stat().st_size, path))
        kept.sort()
        total = size + sum(each for _, each, _ in kept)
        for _, freed, path in kept:
            if total <= self.limit:
                return
            path.unlink(missing_ok=True)  # processes that have it open keep reading it
            total -= freed


def open_store(source: str) -> FolderStore | WebStore:
    """The store for `source`, a folder or a URL without its `wds/`. Raises `UserError` for other schemes.

    Downloads are cached in $PARCNET_CACHE (default ~/.cache/parcnet), limited to $PARCNET_CACHE_GB for each URL.
    """
    scheme, separator, _ = source.partition("://")
    if not separator:
        return FolderStore(Path(source))
    if scheme not in ("http", "https"):
        raise UserError(f"{source}: expected a folder or a URL that starts with http:// or https://.")
    url = source.rstrip("/")
    root = Path(os.environ.get("PARCNET_CACHE", Path.home() / ".cache" / "parcnet"))
    limit = os.environ.get("PARCNET_CACHE_GB")
    try:
        most = None if limit is None else round(float(limit) * 1e9)
    except (ValueError, OverflowError):
        raise UserError(f"PARCNET_CACHE_GB is {limit!r}; expected a number of gigabytes (1e9 bytes).") from None
    return WebStore(url, root / hashlib.sha256(url.encode()).hexdigest()[:16], most)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the kernel releases the lock of a process that dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as file:
        wait_for_lock(file.fileno())
        yield
