"""Open files that others made: regular files only, since a pipe or a device blocks its reader or never ends."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_regular(path: str | Path) -> BufferedReader:
    """Opens a regular file, or a link to one, for reading bytes.

    Raises OSError, whose `strerror` says so, for a pipe, a device, a socket and a folder, and never waits for one.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        kind = os.fstat(handle).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, "not a regular file but a pipe, a device or a socket", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_regular(path: str | Path) -> bytes:
    """The bytes of a regular file; errors as `open_regular`."""
    with open_regular(path) as file:
        return file.read()


def read_regular_text(path: str | Path) -> str:
    """The UTF-8 text of a regular file without a byte order mark, which editors on Windows write.

    Raises UnicodeDecodeError for other text, and OSError as `open_regular`.
    """
    return read_regular(path).decode("utf-8-sig")
