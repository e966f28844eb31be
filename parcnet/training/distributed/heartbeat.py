"""A heartbeat from each rank: one that dies ends the others within a minute, also when they wait on a GPU."""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch.distributed as dist

BEAT = 3.0
"""Seconds between heartbeats."""
SILENCE = 30.0
"""Seconds without one after which a rank counts as lost."""
LOST = 1
"""Exit code of a rank that ends because another one died."""


@contextmanager
def heartbeat(store: dist.Store, rank: int, world: int) -> Iterator[None]:
    """Sends a heartbeat every `BEAT` seconds and monitors that of the next rank, while the block runs.

    `store` must be for this thread alone. When the monitored rank is silent for `SILENCE` seconds, or another rank
    reports a lost one, the process says so and exits with code `LOST`: no exception reaches a rank that waits in a
    collective operation.
    """
    store.set(f"who/{rank}", f"{socket.gethostname()}:{os.getpid()}")
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(store, rank, world, done), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=SILENCE)


def _beat(store: dist.Store, rank: int, world: int, done: threading.Event) -> None:
    neighbour = (rank + 1) % world
    count, heard = -1, time.monotonic()
    while not done.wait(BEAT):
        try:
            store.add(f"beat/{rank}", 1)
            found = store.add(f"beat/{neighbour}", 0)
            if store.check(["lost"]):
                _end(store, int(store.get("lost")), say=False)
        except RuntimeError as error:
            if done.is_set():
                return
            _say(f"the process that holds the ranks' store is gone ({str(error).splitlines()[0]}). {_REMEDY}")
            os._exit(LOST)
        if found != count:
            count, heard = found, time.monotonic()
        elif time.monotonic() - heard > SILENCE and not done.is_set():
            _end(store, neighbour, say=True)


def _end(store: dist.Store, lost: int, say: bool) -> None:
    if say:
        store.set("lost", str(lost))
        _say(f"{called(store, lost)} sent no heartbeat for {SILENCE:.0f} s, so all ranks stop. {_REMEDY}")
        time.sleep(2 * BEAT)  # the others read it, if the store is ours
    os._exit(LOST)


def missing(store: dist.Store, world: int) -> str:
    """Names the lost rank if it ran on this machine; ranks of other machines cannot be checked."""
    try:
        for rank in range(world):
            if not store.check([f"who/{rank}"]):
                continue
            name, pid = store.get(f"who/{rank}").decode().rsplit(":", 1)
            if name == socket.gethostname() and not _alive(int(pid)):
                return f"{called(store, rank)} died"
    except RuntimeError:
        return "the process that holds the ranks' store died"
    return "another rank died or cannot be reached"


def called(store: dist.Store, rank: int) -> str:
    """`rank 3 (process 4711 on node7)`."""
    name, pid = store.get(f"who/{rank}").decode().rsplit(":", 1)
    return f"rank {rank} (process {pid} on {name})"


_REMEDY = "Start again with the same command and --resume auto."


def _alive(pid: int) -> bool:
    """Whether a process of this machine runs; a killed one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def _say(text: str) -> None:
    print(f"parcnet: {text}", file=sys.stderr, flush=True)
