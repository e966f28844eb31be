"""Table views of results, and how their numbers are formatted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parcnet_lab.bench.results import BenchmarkResult


@dataclass(frozen=True, slots=True)
class View:
    """A table: a title, columns, and rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def number(value: float) -> str:
    """Three significant digits, never in scientific notation."""
    if value == 0:
        return "0"
    for digits, from_ in ((0, 100.0), (1, 10.0), (2, 1.0)):
        if abs(value) >= from_:
            return f"{value:.{digits}f}"
    return f"{value:.3f}"


def spread(timing: Mapping[str, Any]) -> str:
    """`12.3 (12.1-12.6)`: the median and the quartiles; `~` marks a single call."""
    if timing["rounds"] == 1:
        return f"~{number(timing['median_ms'])}"
    return f"{number(timing['median_ms'])} ({number(timing['p25_ms'])}-{number(timing['p75_ms'])})"


def conditions(result: BenchmarkResult) -> str:
    """Device, threads and precision, and the settings that differ from the defaults."""
    machine, settings = result.machine, result.settings
    parts = [machine["device"], f"{machine['threads']} threads", machine["dtype"]]
    parts += [f"{settings['image']} px"] if "image" in settings else []
    parts += ["forward and backward"] if settings.get("training") else []
    parts += ["NCHW memory"] if settings.get("channels_last") is False else []
    return ", ".join(parts)
