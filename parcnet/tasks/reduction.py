"""Results of several processes, each of which evaluates a part of a split, brought together."""

from typing import Protocol

from torch import Tensor


class Reduction(Protocol):
    """What an evaluation asks of the processes it runs in."""

    def total(self, values: Tensor) -> Tensor:
        """The elementwise sum over all processes."""

    def gathered(self, content: bytes) -> list[bytes]:
        """The contents of all processes, by rank."""


class OneProcess:
    """The reduction of a process that runs alone."""

    def total(self, values: Tensor) -> Tensor:
        return values

    def gathered(self, content: bytes) -> list[bytes]:
        return [content]


ONE_PROCESS = OneProcess()
