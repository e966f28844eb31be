"""Interface of a runtime."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

Run = Callable[[NDArray[Any]], list[NDArray[Any]]]
"""One input, of the file's batch size -> its outputs."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """A library that runs one file format. The functions raise `UserError` if it is not installed."""

    name: str
    load: Callable[[Path, int | None], Run]
    """(file, number of threads or None for the default) -> a function that runs it."""
    read_metadata: Callable[[Path], str | None]
    """The JSON text that `write` stored, or None. Raises `UserError` for a file of another format or a damaged one."""
    packages: tuple[str, ...]
    """Distributions whose versions affect the outputs."""
