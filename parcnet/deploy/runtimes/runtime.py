"""What the rest asks of a runtime."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

Run = Callable[[NDArray[Any]], list[NDArray[Any]]]
"""One input, of the batch that the file takes -> its outputs."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """A program that runs one format of file. The functions raise `UserError` where its package is missing."""

    name: str
    load: Callable[[Path, int | None], Run]
    """(file, threads or None for its own choice) -> a function that runs it."""
    card: Callable[[Path], str | None]
    """The text that `write` put into the file, or None. `UserError` for a file that is no whole file of this format."""
    packages: tuple[str, ...]
    """Distributions whose versions a file's answers depend on."""
