"""Console output: results on stdout, progress and warnings on stderr; piped output is neither wrapped nor cut."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from parcnet.base.escaping import one_line

Advance = Callable[[int, str], None]
"""advance(n, note): n more units are done; the note, e.g. the loss, is shown beside the bar."""

_SECONDS_BETWEEN_LINES = 10.0
_PIPE_WIDTH = 10_000  # columns; wide enough that no table wraps in a file

_out = Console(highlight=False, soft_wrap=True)
_err = Console(highlight=False, soft_wrap=True, stderr=True)


def say(text: str) -> None:
    """Prints a result to stdout, with rich markup; escape other text with `rich.markup.escape`."""
    _stdout().print(text)


def warn(text: str) -> None:
    """Prints `warning: text` to stderr, without markup, since file names may contain brackets."""
    _err.print(Text.assemble(("warning:", "yellow"), " ", text))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table to stdout. Cells are plain text; every row has as many as `columns`."""
    grid = Table(*columns)
    for row in rows:
        grid.add_row(*(Text(one_line(cell)) for cell in row))
    out = _stdout()
    out.print(Text(one_line(title), style="bold"))
    if out.is_terminal:
        out.print(grid, soft_wrap=False)
    else:
        Console(width=_PIPE_WIDTH).print(grid)


def next_steps(steps: Sequence[tuple[str, str]]) -> None:
    """Prints (command, purpose) pairs to stdout, each on one line that can be pasted into a shell."""
    width = max((len(command) for command, _ in steps), default=0)
    out = _stdout()
    out.print(Text("Next:", style="bold"))
    for command, purpose in steps:
        out.print(Text.assemble("  ", (command.ljust(width), "cyan"), (f"  # {purpose}", "dim")))


@contextmanager
def progress(description: str, total: int, unit: str = "it") -> Iterator[Advance]:
    """Shows on stderr how many of `total` units are done, and the elapsed and remaining time.

    A bar on a terminal; otherwise a plain line at most every 10 s. Silent inside another bar and on every rank except
    0 (environment variable RANK).
    """
    if os.environ.get("RANK", "0") != "0":
        yield _silent
    elif _err.is_terminal:
        with _bar(description, total, unit) as advance:
            yield advance
    else:
        yield _lines(description, total, unit)


def _silent(n: int, note: str) -> None:
    """The `Advance` without output."""


_showing = False  # a terminal has room for one bar, and rich before 14.1 raises on a second


def _stdout() -> Console:
    # while a bar is shown, output must pass through its console, or it breaks the bar's line
    return _err if _showing and _out.is_terminal else _out


@contextmanager
def _bar(description: str, total: int, unit: str) -> Iterator[Advance]:
    global _showing
    if _showing:
        yield _silent
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}", markup=False),
        TextColumn("elapsed"),
        TimeElapsedColumn(),
        TextColumn("remaining"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    bar = Progress(*columns, console=_err, redirect_stdout=False)  # a redirected stdout would lose its pipe
    _showing = True
    try:
        with bar:
            task = bar.add_task(description, total=total, unit=unit, note="")
            yield lambda n, note: bar.update(task, advance=n, note=note)
    finally:
        _showing = False


def _lines(description: str, total: int, unit: str) -> Advance:
    started = last = time.monotonic()
    done = 0

    def advance(n: int, note: str) -> None:
        nonlocal done, last
        done += n
        now = time.monotonic()
        if now - last < _SECONDS_BETWEEN_LINES:
            return
        last = now
        remaining = (now - started) / max(done, 1) * (total - done)
        times = f"elapsed {_clock(now - started)}, remaining {_clock(remaining)}"
        line = f"{description}: {done}/{total} {unit}, {times}"
        _err.print(Text(f"{line}  {note}".rstrip()))

    return advance


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
