"""Several ranks in one process, for the metrics of every task."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from torch import Tensor

from parcnet.tasks.reduction import Reduction


class _Rank:
    """The collective operations of one thread among several."""

    def __init__(self, rank: int, barrier: Barrier, contents: list[Any]) -> None:
        self.rank, self.barrier, self.contents = rank, barrier, contents

    def gathered(self, content: Any) -> list[Any]:
        self.contents[self.rank] = content
        self.barrier.wait()
        found = list(self.contents)
        self.barrier.wait()  # before any of them is replaced by the next content
        return found

    def total(self, values: Tensor) -> Tensor:
        return sum(self.gathered(values))  # type: ignore[return-value]


@pytest.fixture
def on_ranks() -> Callable[[int, Callable[[int, Reduction], Any]], list[Any]]:
    """on_ranks(world, evaluate): the results of `evaluate(rank, reduction)` on every rank."""

    def run(world: int, evaluate: Callable[[int, Reduction], Any]) -> list[Any]:
        barrier, contents = Barrier(world, timeout=30), [None] * world
        ranks = [_Rank(rank, barrier, contents) for rank in range(world)]
        with ThreadPoolExecutor(world) as threads:
            return list(threads.map(evaluate, range(world), ranks))

    return run
