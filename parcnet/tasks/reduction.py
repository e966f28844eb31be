"""Reduction of evaluation results over processes that each evaluate part of a split."""

from typing import Protocol

from torch import Tensor


class Reduction(Protocol):
    """The collective operations that evaluation needs."""

    def total(self, values: Tensor) -> Tensor:
        """The elementwise sum over all processes."""

    def gathered(self, content: bytes) -> list[bytes]:
        """The contents of all processes, in order of rank."""


class OneProcess:
    """The reduction of a single process."""

    def total(self, values: Tensor) -> Tensor:
        return values

    def gathered(self, content: bytes) -> list[bytes]:
        return [content]


ONE_PROCESS = OneProcess()
