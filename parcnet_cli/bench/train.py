"""`parcnet bench train`: time of a training step."""

from collections.abc import Sequence
from dataclasses import dataclass

from parcnet_cli.bench.compared_networks import NetworkOptions, measure_networks
from parcnet_cli.bench.measurement import make_result, prepare, report_result
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Times a training step: forward, cross entropy, backward, AdamW; channels_last, eager, bf16 under autocast.

  parcnet bench train --tag tiny --batch 8                             a minute on two cores
  parcnet bench train --output benchmarks/results
"""


@dataclass(frozen=True)
class BenchTrainOptions(NetworkOptions):
    """Which networks, and the batch size."""

    batch: int = 32
    """Images per step."""
    forms: tuple[str, ...] = ("eager",)
    """eager; compiled (torch.compile: takes minutes more and twice the memory)."""
    seconds: float = 10.0
    """Time budget of a tag; at least five rounds run."""


def run(arguments: Sequence[str]) -> int:
    """Measures and prints; exit code 0. Raises `UserError`."""
    options = parse(BenchTrainOptions, "bench train", _DESCRIPTION, arguments)
    device, dtype = prepare(options)

    from parcnet_lab.bench import training_step
    from parcnet_lab.bench.networks import check_forms

    check_forms(options.forms, training_step.FORMS)
    compared = (options.tag, options.batch, options.size, options.peers)
    rows = measure_networks(
        "timing training steps",
        options,
        1,
        lambda advance: training_step.measure(*compared, options.forms, device, dtype, options.seconds, advance),
    )
    notes = [f"{form}: {training_step.FORMS[form]}" for form in options.forms]
    settings = {"image": options.size, "seconds": options.seconds}
    return report_result(options, make_result(options, "train", arguments, device, rows, settings, notes))
