"""`parcnet bench memory`: peak memory of inference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from parcnet_cli.bench.compared_networks import NetworkOptions, measure_networks
from parcnet_cli.bench.measurement import make_result, prepare, report_result
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Peak memory of inference, each network in fresh processes, with the paper's ratios to ConvNeXt (ICCV 2023, Tab. 7).
On a CPU: resident memory above that of the loaded libraries; on an accelerator: the peak of torch's allocator.

  parcnet bench memory --tag tiny --repeats 1                          half a minute
  parcnet bench memory --output benchmarks/results
"""


@dataclass(frozen=True)
class BenchMemoryOptions(NetworkOptions):
    """Which networks, and the batch size."""

    batch: int = 1
    """Batch size; the paper's Tab. 7 uses one image."""
    repeats: int = 3
    """Fresh processes per network."""
    form: Literal["eager", "optimized"] = "eager"
    """Form of our networks; the peers are eager."""


def run(arguments: Sequence[str]) -> int:
    """Measures and prints; exit code 0. Raises `UserError`."""
    options = parse(BenchMemoryOptions, "bench memory", _DESCRIPTION, arguments)
    device, _ = prepare(options)

    from parcnet_lab.bench import inference_memory

    compared = (options.tag, options.batch, options.size, options.peers)
    rows = measure_networks(
        "measuring memory",
        options,
        options.repeats,
        lambda advance: inference_memory.measure(
            *compared, device, options.dtype, options.repeats, options.form, advance
        ),
    )
    source = "torch's allocator" if device.type == "cuda" else "resident memory above that of the loaded libraries"
    notes = [f"ours {options.form}, peers eager, a fresh process each; {source}, peak over two forward passes"]
    settings = {"image": options.size, "repeats": options.repeats}
    return report_result(options, make_result(options, "memory", arguments, device, rows, settings, notes))
