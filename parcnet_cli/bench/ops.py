"""`parcnet bench ops`: the algorithms of the oversized convolution."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from parcnet_cli.bench.measurement import MeasurementOptions, make_result, prepare, report_result
from parcnet_cli.bench.operator_cases import measured_cases, omitted
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Times every algorithm of the oversized convolution and shows which is fastest for each case and whether `auto` selects
it. Each output is first compared with the definition in float64; an algorithm with a wrong output is named and not
timed. Input and output use the requested memory format, so an algorithm that works in the other one pays for both
conversions. ~ marks a single call of an algorithm that is 8 times slower than the best; ! marks a choice of `auto` that
is not within 5% of the best.

  parcnet bench ops                                 the quick grid: about a minute on two cores
  parcnet bench ops --size 56 200x334 --channels 64 --batch 1 --training
  parcnet bench ops --full --output benchmarks/results
"""


@dataclass(frozen=True)
class BenchOpsOptions(MeasurementOptions):
    """Which cases."""

    full: bool = False
    """The full grid instead of the quick one: 98 cases in fp32, about an hour on two cores."""
    channels: tuple[int, ...] = ()
    """Channels, e.g. --channels 64 320. Default: those of the grid."""
    size: tuple[str, ...] = ()
    """Map sizes, e.g. --size 56 200x334. Default: those of the grid."""
    batch: tuple[int, ...] = ()
    """Batch sizes. Default: those of the grid."""
    training: bool = False
    """Time forward and backward (all three gradients) instead of inference."""
    layout: Literal["channels_last", "nchw"] = "channels_last"
    """Memory format of the maps; an algorithm that works in the other one pays for both conversions."""
    seconds: float = 0.5
    """Time budget of a case; at least five rounds run, unless a round takes long."""


def run(arguments: Sequence[str]) -> int:
    """Measures and prints; returns 1 when an algorithm gave a wrong output, else 0. Raises `UserError`."""
    options = parse(BenchOpsOptions, "bench ops", _DESCRIPTION, arguments)
    device, dtype = prepare(options)

    from parcnet_lab.bench import grid

    default = grid.FULL if options.full else grid.QUICK
    maps = tuple(grid.parse_map(text) for text in options.size)
    wanted = grid.Grid(options.channels or default.channels, maps or default.maps, options.batch or default.batches)
    mode = {"training": options.training, "channels_last": options.layout == "channels_last"}
    fitting, too_large = grid.cases(wanted, dtype=dtype, **mode)
    rows = list(measured_cases(fitting, device, options.seconds))
    settings = {**mode, "seconds": options.seconds}
    return report_result(options, make_result(options, "ops", arguments, device, rows, settings, omitted(too_large)))
