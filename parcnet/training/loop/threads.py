"""How many CPU threads torch computes with."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Computes with `count` threads (None: as many as before), and puts the number back, also on exceptions.

    More threads are not always faster: on maps of a few pixels they wait for each other longer than they compute.
    """
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
