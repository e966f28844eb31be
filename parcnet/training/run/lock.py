"""The lock of a run folder."""

import fcntl
from pathlib import Path

from parcnet.base import UserError


def lock(handle: int, path: Path) -> None:
    """Locks the open folder `path` for this process. Raises `UserError` while another process holds the lock.

    Has no effect on file systems without locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            f"another run is writing to {path}. Wait for it, stop it, or choose another --output."
        ) from None
    except OSError:
        return
