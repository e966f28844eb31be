"""The lock of a run folder."""

from pathlib import Path

from parcnet.base import UserError, try_lock


def lock(handle: int, path: Path) -> None:
    """Locks the open folder `path` for this process. Raises `UserError` while another process holds the lock.

    Has no effect on systems and file systems without locks.
    """
    if try_lock(handle) is False:
        raise UserError(f"another run is writing to {path}. Wait for it, stop it, or choose another --output.")
