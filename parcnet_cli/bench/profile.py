"""`parcnet bench profile`: forward time by type of layer."""

from collections.abc import Sequence
from dataclasses import dataclass

from parcnet_cli.bench.compared_networks import NetworkOptions
from parcnet_cli.bench.measurement import make_result, prepare, report_result
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Splits the time of a forward pass into 1x1 convolutions, depthwise convolutions, stem and downsampling, and the rest.
The floor is the lower bound that multiply-adds set at the machine's measured rate. Ours from parcnet.optimize, peers
eager, channels_last.

  parcnet bench profile --tag tiny                     half a minute on two cores
  parcnet bench profile --output benchmarks/results
"""


@dataclass(frozen=True)
class BenchProfileOptions(NetworkOptions):
    """Which networks, and the batch size."""

    batch: int = 1
    """Batch size."""
    passes: int = 20
    """Forward passes to average."""


def run(arguments: Sequence[str]) -> int:
    """Measures and prints; exit code 0. Raises `UserError`."""
    options = parse(BenchProfileOptions, "bench profile", _DESCRIPTION, arguments)
    device, dtype = prepare(options)

    from parcnet.base import progress
    from parcnet_lab.bench import profile
    from parcnet_lab.bench.networks import contenders

    total = sum(len(contenders(tag, options.size, options.peers)) for tag in options.tag)
    compared = (options.tag, options.batch, options.size, options.peers)
    with progress("profiling", total, "networks") as advance:
        rows = list(profile.measure(*compared, device, dtype, options.passes, advance))
    settings = {"image": options.size, "passes": options.passes}
    notes = ["ours optimized, peers eager; floor: multiply-adds over the measured ceiling of matrix products"]
    return report_result(options, make_result(options, "profile", arguments, device, rows, settings, notes))
