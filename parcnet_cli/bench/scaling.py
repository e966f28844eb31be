"""`parcnet bench scaling`: cost as a function of the map's side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parcnet_cli.bench.measurement import MeasurementOptions, make_result, prepare, report_result
from parcnet_cli.bench.operator_cases import measured_cases, omitted
from parcnet_cli.common.arguments import parse
from parcnet_cli.common.pictures import check_picture

_DESCRIPTION = """\
Times each algorithm over the side of a square map. Shows the exponent fitted over the upper half of the sides, next to
the exponent expected from its operation count.

  parcnet bench scaling --plot scaling.png
  parcnet bench scaling --size 56 112 224 448 --channels 16 --plot scaling.png
"""


@dataclass(frozen=True)
class BenchScalingOptions(MeasurementOptions):
    """Which maps."""

    size: tuple[int, ...] = (14, 28, 56, 112, 224)
    """Sides of square maps."""
    channels: int = 64
    """Channels."""
    batch: int = 1
    """Batch size."""
    training: bool = False
    """Time forward and backward instead of inference."""
    seconds: float = 1.0
    """Time budget of a side."""
    plot: Path | None = None
    """Draw the curves into this file, e.g. scaling.png."""


def run(arguments: Sequence[str]) -> int:
    """Measures, prints and draws; returns 1 when an algorithm gave a wrong output, else 0. Raises `UserError`."""
    options = parse(BenchScalingOptions, "bench scaling", _DESCRIPTION, arguments)
    check_picture("--plot", options.plot)
    device, dtype = prepare(options)

    from parcnet.plots.scaling import scaling as draw
    from parcnet_lab.bench import cost_exponents, grid

    maps = tuple(grid.parse_map(str(side)) for side in options.size)
    wanted = grid.Grid((options.channels,), maps, (options.batch,))
    fitting, too_large = grid.cases(wanted, dtype=dtype, training=options.training)
    rows = list(measured_cases(fitting, device, options.seconds))
    settings = {"training": options.training, "seconds": options.seconds}
    result = make_result(options, "scaling", arguments, device, rows, settings, omitted(too_large))
    code = report_result(options, result)
    if options.plot is not None:
        exponents = {each["algorithm"]: each for each in cost_exponents.exponents(rows)}
        expected = {name: (each["formula"], each["expected"], each["fitted"]) for name, each in exponents.items()}
        conditions = f"{options.batch} x {options.channels} channels, {options.dtype}"
        draw(cost_exponents.curves(rows), expected, f"Oversized convolution, {conditions}", options.plot)
    return code
