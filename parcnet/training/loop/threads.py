"""The number of CPU threads of torch."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Sets torch's number of threads (None: unchanged) and restores it afterwards, also on exceptions.

    More threads are not always faster: on maps of a few pixels, synchronisation takes longer than computing.
    """
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
