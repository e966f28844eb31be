"""Heartbeats between ranks: a rank that dies ends the others within a minute, even if they wait for a GPU."""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch.distributed as dist

INTERVAL = 3.0
"""Seconds between heartbeats."""
TIMEOUT = 30.0
"""Seconds without a heartbeat after which a rank counts as lost."""
LOST_EXIT_CODE = 1
"""Exit code of a rank that ends because another rank died."""


@contextmanager
def heartbeat(store: dist.Store, rank: int, world: int) -> Iterator[None]:
    """While the block runs, sends a heartbeat every `INTERVAL` seconds and monitors that of the next rank.

    `store` must not be shared with other threads. When the monitored rank sends none for `TIMEOUT` seconds, or another
    rank reports a lost rank, the process prints an error and exits with code `LOST_EXIT_CODE`, since exceptions do not
    interrupt collective operations.
    """
    store.set(f"who/{rank}", f"{socket.gethostname()}:{os.getpid()}")
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(store, rank, world, done), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=TIMEOUT)


def _beat(store: dist.Store, rank: int, world: int, done: threading.Event) -> None:
    neighbour = (rank + 1) % world
    count, last_change = -1, time.monotonic()
    while not done.wait(INTERVAL):
        try:
            store.add(f"beat/{rank}", 1)
            received = store.add(f"beat/{neighbour}", 0)
            if store.check(["lost"]):
                _end(store, int(store.get("lost")), report=False)
        except RuntimeError as error:
            if done.is_set():
                return
            reason = str(error).splitlines()[0]
            _print_error(f"the process that hosts the ranks' key-value store is gone ({reason}). {_REMEDY}")
            os._exit(LOST_EXIT_CODE)
        if received != count:
            count, last_change = received, time.monotonic()
        elif time.monotonic() - last_change > TIMEOUT and not done.is_set():
            _end(store, neighbour, report=True)


def _end(store: dist.Store, lost: int, report: bool) -> None:
    if report:
        store.set("lost", str(lost))
        _print_error(f"{rank_name(store, lost)} sent no heartbeat for {TIMEOUT:.0f} s, so all ranks stop. {_REMEDY}")
        time.sleep(2 * INTERVAL)  # the other ranks read it, if this process hosts the store
    os._exit(LOST_EXIT_CODE)


def describe_lost_rank(store: dist.Store, world: int) -> str:
    """Names the lost rank if it ran on this machine; ranks on other machines cannot be checked."""
    try:
        for rank in range(world):
            if not store.check([f"who/{rank}"]):
                continue
            name, pid = store.get(f"who/{rank}").decode().rsplit(":", 1)
            if name == socket.gethostname() and not _alive(int(pid)):
                return f"{rank_name(store, rank)} died"
    except RuntimeError:
        return "the process that hosts the ranks' key-value store died"
    return "another rank died or cannot be reached"


def rank_name(store: dist.Store, rank: int) -> str:
    """`rank 3 (process 4711 on node7)`."""
    name, pid = store.get(f"who/{rank}").decode().rsplit(":", 1)
    return f"rank {rank} (process {pid} on {name})"


_REMEDY = "Start again with the same command and --resume auto."


def _alive(pid: int) -> bool:
    """Whether a process of this machine is running; zombies are not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def _print_error(text: str) -> None:
    print(f"parcnet: {text}", file=sys.stderr, flush=True)
