"""Advisory locks of open files and folders, where the system has them."""

from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has no flock
    fcntl = None


def try_lock(handle: int) -> bool | None:
    """Locks an open file or folder for this process: True; False while another process holds it.

    None where the system or the file system has no such locks: then nothing is locked. The kernel releases the lock
    when the handle is closed or the process dies.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def wait_for_lock(handle: int) -> None:
    """As `try_lock`, after the other process has released it."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX)
