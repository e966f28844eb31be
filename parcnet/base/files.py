"""Atomic files: complete or absent, also after a crash or on a full disk."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from parcnet.base.errors import UserError
from parcnet.base.partial_files import locked_again, partial_file, partial_folder, was_written
from parcnet.base.text import json_text, printable

_REMEDIES = {
    errno.ENOSPC: "Free some space or write elsewhere.",
    errno.EDQUOT: "Free some space or write elsewhere.",
    errno.ENOENT: "The folder cannot be created; choose another path.",
    errno.EACCES: "Choose a folder you may write to.",
    errno.EPERM: "Choose a folder you may write to.",
    errno.EROFS: "Choose a folder you may write to.",
    errno.ENOTDIR: "A part of this path is a file; choose another path.",
    errno.EEXIST: "A part of this path is a file; choose another path.",
    errno.EISDIR: "A folder has this name; choose another name.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.EIO: "Check the disk.",
}

_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
# the file has been replaced by then: only a failing disk is still an error. Windows opens no folders (EACCES).
_NO_FOLDER_SYNC = _NO_SYNC | {errno.EACCES, errno.EPERM, errno.EBADF, errno.EISDIR, errno.EROFS, errno.ENOTTY}


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yields a temporary sibling of `path` to write to; it replaces `path` when the block succeeds.

    Data and folder entry are synced to the disk, so a power failure leaves the old file or the new one. When the block
    raises, `path` is unchanged and the temporary file is removed; the next writer into the folder removes that of a
    killed process (see `partial_files`). Parents are created; the suffix is kept, since writers choose a format by it.
    Every OSError (full disk, no permission) becomes a `UserError` that names `path`.
    """
    path = Path(path)
    temporary, handle = None, None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, handle = partial_file(path)
        if os.name == "nt":  # an open file cannot be replaced there
            os.close(handle)
            handle = None
        yield temporary
        assert was_written(temporary), f"nothing was written to {temporary}, for {path}"
        if handle is not None:
            handle = locked_again(handle, temporary)
        _sync(temporary, _NO_SYNC)
        os.replace(temporary, path)
        _sync(path.parent, _NO_FOLDER_SYNC)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        if temporary is not None:
            with suppress(OSError):  # absent after the replacement; the error above may recur here
                temporary.unlink()
        if handle is not None:
            os.close(handle)


@contextmanager
def staging_folder(target: str | Path) -> Iterator[Path]:
    """Yields a new, hidden folder beside `target` in which to build `target`; it is removed on exit.

    The caller moves its content, or the folder itself, into place. Every OSError becomes a `UserError` that names
    `target`.
    """
    target = Path(target)
    folder, handle = None, None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder, handle = partial_folder(target)
        yield folder
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def check_writable(path: str | Path) -> None:
    """Checks before long work that a file `path` can be written for its result; leaves nothing behind.

    Raises the `UserError` that `atomic_path` would: `path` is a folder, a part of it is a file, no permission. A disk
    that fills up later is not detected.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        folder = path.parent
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):  # tries the disk: permissions do not reveal a read-only file system
            pass
    except OSError as error:
        raise _cannot_write(path, error) from error


def write_text(path: str | Path, text: str) -> None:
    """Writes UTF-8 atomically, what cannot be encoded as an escape (see `printable`); errors as `atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_text(printable(text), encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Writes indented JSON atomically; NaN and infinity raise ValueError, since most JSON parsers reject them."""
    write_text(path, json_text(value, 2) + "\n")


def _cannot_write(path: Path, error: OSError) -> UserError:
    remedy = _REMEDIES.get(error.errno or 0, "Choose another path.")
    return UserError(f"cannot write {path}: {error.strerror or error}. {remedy}")


def _sync(path: Path, refusals: frozenset[int]) -> None:
    """Syncs a file or folder to the disk; the errors `refusals` say that the file system has no such operation."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in refusals:
            raise
