"""`parcnet bench models`: latency of whole networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parcnet_cli.bench.compared_networks import NetworkOptions
from parcnet_cli.bench.measurement import make_result, prepare, report_result
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Times whole networks, ours and their peers, in every form; all take turns in one process. The ratio compares our fastest
form with each peer's fastest. A form whose logits differ from its network's is not timed.

  parcnet bench models --tag tiny --batch 1 --forms eager              half a minute on two cores
  parcnet bench models --output benchmarks/results                     all sizes, eager and compiled: minutes
  parcnet bench models --tag base --peers convnext swin_base_patch4_window7_224
"""


@dataclass(frozen=True)
class BenchModelsOptions(NetworkOptions):
    """Which networks, in which forms."""

    batch: tuple[int, ...] = (1, 8)
    """Batch sizes."""
    forms: tuple[str, ...] = ("eager", "compiled", "optimized", "plain")
    """For all networks: eager; compiled (torch.compile with freezing); openvino (exported and run by OpenVINO, fp32 on
    a CPU). For ours alone: optimized (parcnet.optimize); inductor (the same with engine="inductor", off by default as
    it compiles once more); plain (NCHW memory throughout)."""
    seconds: float = 6.0
    """Time budget of the rounds for one tag and batch size; at least five rounds run. Compilation is not included."""


def run(arguments: Sequence[str]) -> int:
    """Measures and prints; returns 1 when a form gave wrong logits, else 0. Raises `UserError`."""
    options = parse(BenchModelsOptions, "bench models", _DESCRIPTION, arguments)
    device, dtype = prepare(options)

    from parcnet.base import progress
    from parcnet_lab.bench import network_latency, networks

    networks.check_forms(options.forms)
    compared = [
        network_latency.LatencySetting(tag, batch, options.size, options.forms, options.peers)
        for tag in options.tag
        for batch in options.batch
    ]
    groups = [networks.contenders(each.tag, each.image, each.peers) for each in compared]  # rejects wrong names at once
    total = sum(len(networks.forms_of(one.side, options.forms)) for group in groups for one in group)
    rows: list[dict[str, Any]] = []
    with progress("timing networks", total, "networks") as advance:
        for measured in network_latency.measure(compared, device, dtype, options.seconds, advance):
            rows += measured
    notes = [f"{form}: {networks.FORMS[form]}" for form in options.forms if any(row["form"] == form for row in rows)]
    notes += ["ConvNeXt with conv_mlp=True"] if any(row["network"].startswith("convnext_") for row in rows) else []
    settings = {"image": options.size, "seconds": options.seconds}
    return report_result(options, make_result(options, "models", arguments, device, rows, settings, notes))
