"""Partial files and folders: what a writer works on before it moves its result into place.

A killed writer leaves one behind. It counts as nothing, and the next writer into the same folder removes it, unless it
may belong to a live writer:

    written on this machine    a writer holds a lock on it until it ends, however it ends: removed if it is not locked
    by another machine, or     removed if it is older than a day
    on a file system
    without locks
"""

import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path

from parcnet.base.locks import try_lock

_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
_OURS = re.compile(r"\.parcnet-([0-9a-f]{6})-[0-9a-f]{8}\.partial(\..*)?", re.DOTALL)
_ANY = re.compile(r"\..*\.partial(\..*)?", re.DOTALL)
_DAY = 24 * 3600.0  # seconds


def is_partial(path: str | Path) -> bool:
    """Whether this is the name of a partial file or folder, of this version or an earlier one."""
    return _ANY.fullmatch(os.path.basename(path)) is not None


def partial_file(path: Path) -> tuple[Path, int]:
    """-> a new, empty sibling of `path` with its suffix, and the handle that holds its lock; see `was_written`.

    Removes what killed writers left in the folder.
    """
    remove_partial(path.parent)
    while True:
        partial = _name(path, path.suffix)
        handle = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        os.utime(partial, (0, 0))
        if _locked(handle, partial):
            return partial, handle


def partial_folder(path: Path) -> tuple[Path, int | None]:
    """-> a new, empty folder beside `path`, and the handle that holds its lock. Otherwise as `partial_file`."""
    remove_partial(path.parent)
    while True:
        partial = _name(path, "")
        partial.mkdir(mode=0o700)
        try:
            handle = os.open(partial, os.O_RDONLY)
        except OSError:  # Windows opens no folders
            return partial, None
        if _locked(handle, partial):
            return partial, handle


def locked_again(handle: int, partial: Path) -> int:
    """The handle that holds the lock of `partial`, also where its writer has replaced the file that was locked."""
    if os.path.samestat(os.stat(partial), os.fstat(handle)):
        return handle
    replacement = os.open(partial, os.O_RDWR)
    try_lock(replacement)
    os.close(handle)
    return replacement


def was_written(partial: Path) -> bool:
    """Whether anything, if only zero bytes, was written to the result of `partial_file`."""
    found = partial.stat()
    return found.st_size > 0 or found.st_mtime != 0


def remove_partial(folder: Path) -> None:
    """Removes what killed writers left in `folder`; failures are ignored, since nothing depends on it."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _OURS.fullmatch(entry.name)
            if match is not None:
                with suppress(OSError):
                    _remove_abandoned(Path(entry.path), match[1] == _HOST)


def _name(path: Path, suffix: str) -> Path:
    return path.with_name(f".parcnet-{_HOST}-{secrets.token_hex(4)}.partial{suffix}")


def _locked(handle: int, partial: Path) -> bool:
    """Locks a new file; False if a remover was faster, which then has removed it or is about to."""
    if try_lock(handle) is not False:
        with suppress(FileNotFoundError):
            if os.path.samestat(os.stat(partial), os.fstat(handle)):
                return True
    os.close(handle)
    return False


def _remove_abandoned(partial: Path, own_host: bool) -> None:
    kind = partial.lstat()
    if not (stat.S_ISREG(kind.st_mode) or stat.S_ISDIR(kind.st_mode)):
        return
    handle = os.open(partial, os.O_RDONLY if stat.S_ISDIR(kind.st_mode) else os.O_RDWR)
    try:
        lock = try_lock(handle)
        old = time.time() - max(kind.st_mtime, kind.st_ctime) > _DAY
        if not (old and lock is not False if lock is None or not own_host else lock):
            return
        if stat.S_ISDIR(kind.st_mode):
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink()
    finally:
        os.close(handle)
