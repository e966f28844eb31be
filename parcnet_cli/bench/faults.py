"""`parcnet bench faults`: training that is killed and resumed, compared with an uninterrupted run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parcnet_cli.bench.measurement import MeasurementOptions, make_result, prepare, report_result
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Trains once without interruption, and once killed (SIGKILL) repeatedly at random steps: every loss, gradient norm,
metric and weight must be bit-identical. With one process, that process is killed and resumed; with two, which share the
batch, one of them is killed and torchrun restarts both.

  parcnet bench faults --kills 3 --processes 1         about a minute on two cores
  parcnet bench faults                                 30 kills of one process and 30 of two: half an hour
"""


@dataclass(frozen=True)
class BenchFaultsOptions(MeasurementOptions):
    """How many kills, among how many processes."""

    kills: int = 30
    """Kills for each number of processes."""
    processes: tuple[int, ...] = (1, 2)
    """Numbers of processes."""
    epochs: int = 12
    """Epochs of the digits recipe, 39 steps each."""
    save_every: int = 7
    """Steps between training states."""
    seed: int = 0
    """Determines the steps and the processes that are killed."""


def run(arguments: Sequence[str]) -> int:
    """Trains, kills and prints; returns 1 when a run was unequal or had too few kills. Raises `UserError`."""
    options = parse(BenchFaultsOptions, "bench faults", _DESCRIPTION, arguments)
    device, _ = prepare(options)

    import tempfile

    from parcnet.base import progress, warn
    from parcnet_lab.bench import faults

    training = ("--epochs", str(options.epochs), "--save-every", str(options.save_every))
    total = (options.kills + 1) * len(options.processes)
    with tempfile.TemporaryDirectory() as folder, progress("killing", total, "runs") as advance:
        rows = [
            faults.measure(training, options.kills, count, options.seed, Path(folder), advance)
            for count in options.processes
        ]
    settings = {"recipe": "digits", "epochs": options.epochs, "save_every": options.save_every}
    code = report_result(options, make_result(options, "faults", arguments, device, rows, settings))
    short = [row for row in rows if row["kills"] < options.kills]
    for row in short:
        warn(f"{row['kills']} of {options.kills} kills: the run with {row['processes']} processes ended earlier")
    return code or int(bool(short) or any(row["unequal"] for row in rows))
