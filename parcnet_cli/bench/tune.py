"""`parcnet bench tune`: the table from which `auto` selects an algorithm."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.markup import escape

from parcnet_cli.bench.measurement import MeasurementOptions, make_result, prepare, report_result
from parcnet_cli.bench.operator_cases import measured_cases
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Measures the grid from which `auto` selects an algorithm, and writes it as the tuned table of this device class.

  parcnet bench tune                                   fp32, into the table of the package: about an hour
  parcnet bench tune --dtype bf16                      adds bf16 to it
  parcnet bench tune --quick --table mine.json         minutes; parcnet.ops.oversized.tuning.use_table reads it
"""


@dataclass(frozen=True)
class BenchTuneOptions(MeasurementOptions):
    """Which part of the table to measure."""

    quick: bool = False
    """The quick grid: a trial run, not for publishing."""
    mode: Literal["both", "inference", "training"] = "both"
    """inference: forward alone; training: forward and backward; both: one after the other."""
    layout: Literal["both", "channels_last", "nchw"] = "both"
    """Memory format of the maps."""
    largest: float = 100.0
    """Leave out cases above this many G floating-point operations; the nearest measured case decides for them."""
    seconds: float = 0.3
    """Time budget of a case."""
    table: Path | None = None
    """File to write; combinations of dtype, mode and layout that are not measured keep their rows. None: the table in
    use, which the package ships."""


def run(arguments: Sequence[str]) -> int:
    """Measures, prints and writes; returns 1 when an algorithm gave a wrong output, else 0. Raises `UserError`."""
    options = parse(BenchTuneOptions, "bench tune", _DESCRIPTION, arguments)
    device, dtype = prepare(options)

    from itertools import product

    from parcnet.base import say
    from parcnet.ops.oversized import device_class, tuning
    from parcnet_lab.bench import grid, tune

    wanted = grid.QUICK if options.quick else grid.FULL
    modes = {"both": (False, True), "inference": (False,), "training": (True,)}[options.mode]
    layouts = {"both": (True, False), "channels_last": (True,), "nchw": (False,)}[options.layout]
    fitting = []
    for training, channels_last in product(modes, layouts):
        fitting += grid.cases(wanted, dtype=dtype, training=training, channels_last=channels_last)[0]
    fitting = [case for case in fitting if case.operations <= 1e9 * options.largest]
    settings = {"seconds": options.seconds, "mode": options.mode, "layout": options.layout, "largest": options.largest}
    result = make_result(options, "tune", arguments, device, [], settings)
    provenance = {"command": result.command, "cpu": result.machine["device"]}
    provenance |= {key: result.machine[key] for key in ("threads", "versions", "date")}
    table = options.table or tuning.SHIPPED
    for row in measured_cases(fitting, device, options.seconds):
        result.rows.append(row)
        tune.save([row], device_class(device), table, provenance)  # row by row, so that an interruption loses nothing
    code = report_result(options, result)
    if not options.as_json:
        say(f"the table is in {escape(str(table))}")
    return code
