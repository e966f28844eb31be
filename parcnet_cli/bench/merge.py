"""`parcnet bench merge`: oversized and local kernels of each stage, merged or separate."""

from collections.abc import Sequence
from dataclasses import dataclass

from parcnet_cli.bench.measurement import MeasurementOptions, make_result, prepare, report_result
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Supplement H merges the oversized and the local convolution into one dense kernel and reports that the last three stages
gain. This times the token mixing of each stage as separate convolutions, as one merged kernel, and as products with
constant matrices. All three are first checked to give equal outputs.

  parcnet bench merge --tag tiny --batch 1             ten seconds on two cores
  parcnet bench merge --output benchmarks/results
"""


@dataclass(frozen=True)
class BenchMergeOptions(MeasurementOptions):
    """Which networks."""

    tag: tuple[str, ...] = ("tiny", "base")
    """Sizes: the stages of parcnetv2_TAG."""
    batch: tuple[int, ...] = (1, 8)
    """Batch sizes."""
    size: int = 224
    """Image side in px."""
    seconds: float = 1.0
    """Time budget of a stage; at least five rounds run."""


def run(arguments: Sequence[str]) -> int:
    """Measures and prints; returns 1 when an output was wrong, else 0. Raises `UserError`."""
    options = parse(BenchMergeOptions, "bench merge", _DESCRIPTION, arguments)
    device, dtype = prepare(options)

    from parcnet.base import progress, unknown
    from parcnet_lab.bench import merge
    from parcnet_lab.bench.networks import TAGS

    for tag in options.tag:
        if tag not in (known := ("xt", *TAGS)):
            raise unknown("tag", tag, known)
    with progress("timing stages", 4 * len(options.tag) * len(options.batch), "stages") as advance:
        measured = merge.measure(options.tag, options.batch, options.size, device, dtype, options.seconds, advance)
        rows = list(measured)
    settings = {"image": options.size, "seconds": options.seconds}
    notes = ["separate: H pass, W pass and 7x7; toeplitz: products with constants; merged: one (2H-1)x(2W-1) kernel"]
    return report_result(options, make_result(options, "merge", arguments, device, rows, settings, notes))
