"""The base of all measurements: options, set-up, and printing and saving of results."""

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.markup import escape

if TYPE_CHECKING:
    import torch

    from parcnet_lab.bench.results import BenchmarkResult

RESULTS = "benchmarks/results"
"""The usual folder of result files."""

_PATH_FLAGS = ("--output", "--plot", "--table", "--files", "--folder")


@dataclass(frozen=True)
class MeasurementOptions:
    """Where to measure, and what to do with the result."""

    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    dtype: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Precision of what is timed."""
    threads: int | None = None
    """CPU threads. None: torch's default."""
    output: Path | None = None
    """Keep the result: a .json file, or a folder, where it gets its usual name."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print one JSON object instead of tables."""


def prepare(options: MeasurementOptions) -> "tuple[torch.device, torch.dtype]":
    """Sets the threads and returns device and dtype."""
    # here, because the library takes seconds to load
    import torch

    from parcnet.base import pick_device, warn
    from parcnet_lab.bench.machine import dtype_named

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE":
        warn("OMP_WAIT_POLICY is PASSIVE: threads sleep between operations, which slows single images. Unset it.")
    return pick_device(options.device), dtype_named(options.dtype)


def make_result(
    options: MeasurementOptions,
    kind: str,
    arguments: Sequence[str],
    device: "torch.device",
    rows: list[dict[str, Any]],
    settings: dict[str, Any],
    notes: Sequence[str] = (),
) -> "BenchmarkResult":
    """The rows with their command, machine and settings. Measures the machine's ceiling."""
    from parcnet_lab.bench import describe
    from parcnet_lab.bench.machine import dtype_named
    from parcnet_lab.bench.results import BenchmarkResult

    command = shlex.join(["parcnet", "bench", kind, *without_paths(arguments)])
    return BenchmarkResult(kind, command, describe(device, dtype_named(options.dtype)), settings, rows, list(notes))


def report_result(options: MeasurementOptions, result: "BenchmarkResult") -> int:
    """Prints every view of the result and keeps its file; returns 1 when a row holds a wrong or failed case, else 0."""
    from parcnet.base import next_steps, say, table
    from parcnet_lab.bench.views import VIEWS, view

    if options.as_json:
        print(json.dumps(result.to_dict(), indent=2))
    else:
        for name in VIEWS[result.kind]:
            shown = view(result, name)
            table(shown.title, shown.columns, shown.rows)
        for note in result.notes:
            say(escape(note))
    if options.output is not None:
        path = result.write(options.output)
        if not options.as_json:
            say(f"kept in {escape(str(path))}")
    elif not options.as_json:
        next_steps([(f"{result.command} --output {RESULTS}", f"keeps it as {RESULTS}/{result.stem}.json")])
    return 1 if any(row.get("wrong") or row.get("failure") for row in result.rows) else 0


def without_paths(arguments: Sequence[str]) -> list[str]:
    """The arguments without output paths, which are not part of the measurement."""
    kept: list[str] = []
    for index, argument in enumerate(arguments):
        if argument.split("=")[0] in _PATH_FLAGS or (index and arguments[index - 1] in _PATH_FLAGS):
            continue
        kept.append(argument)
    return kept
