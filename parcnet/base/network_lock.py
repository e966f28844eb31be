"""One lock for each network, held while its modes, gradients, hooks or device are changed for a while."""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

_locks: weakref.WeakKeyDictionary[nn.Module, Any] = weakref.WeakKeyDictionary()
_guard = threading.Lock()


@contextmanager
def network_lock(network: nn.Module) -> Iterator[None]:
    """Keeps other threads out of `network` for the block; the thread that holds it may take it again.

    A network, its wrappers and its backbone share one lock: that of their first module with parameters of its own.
    """
    owner = next((module for module in network.modules() if module._parameters), network)
    with _guard:
        lock = _locks.setdefault(owner, threading.RLock())
    with lock:
        yield
