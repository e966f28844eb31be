"""One writer a run folder."""

import fcntl
from pathlib import Path

from parcnet.base import UserError


def lock(handle: int, path: Path) -> None:
    """Locks the open folder `path` for this process, or raises `UserError` while another one holds it.

    File systems without locks protect nothing.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            f"another run is writing into {path}. Wait for it, end it, or choose another --output."
        ) from None
    except OSError:
        return
