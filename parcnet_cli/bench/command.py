"""`parcnet bench`: measurements of operators, whole networks, data loading, deployment and training."""

from collections.abc import Sequence

from parcnet_cli.common.subcommands import run_subcommand

HELP = """\
parcnet bench: latency, throughput, memory, scaling and accuracy. Anything that computes a wrong result is not timed.

  parcnet bench ops       algorithms of the oversized convolution, over a grid of map sizes, channels and batch sizes
  parcnet bench models    latency of whole networks, compared with ConvNeXt in its best public configuration
  parcnet bench train     time of a training step, compared with ConvNeXt
  parcnet bench memory    peak memory of inference, compared with ConvNeXt and with the paper's ratios
  parcnet bench deploy    exported files in ONNX Runtime, OpenVINO and MNN, compared with ConvNeXt and Swin (Tab. 7)
  parcnet bench loader    throughput of image reading and augmentation, compared with a training step
  parcnet bench scaling   cost as a function of the map's side, with the fitted and the expected exponent
  parcnet bench merge     oversized and local kernels of each stage: merged into one dense kernel, or separate
  parcnet bench profile   forward time by type of layer, compared with ConvNeXt and with the arithmetic lower bound
  parcnet bench tune      measures and writes the table from which `auto` selects an algorithm
  parcnet bench seeds     mean and spread of a recipe's accuracy over several seeds, for ours and for peers
  parcnet bench finetune  photographs: fine-tuning from a checkpoint, compared with training from scratch
  parcnet bench coins     detection trained on three rows of coins and tested on the fourth: AP of boxes and masks
  parcnet bench segmentation  photographs segmented, tested on held-out regions: single-scale and multi-scale mIoU
  parcnet bench faults    training killed at random steps and resumed: bit-identical to an uninterrupted run or not
  parcnet bench tables    writes results into Markdown files, or checks that the files show them

Try:
  parcnet bench ops                                     about a minute on two CPU cores
  parcnet bench models --tag tiny --batch 1             one comparison
  parcnet bench models --output benchmarks/results      the whole comparison, kept as JSON
  parcnet bench tables --check README.md docs           exit code 1 if a table differs from its result file

Close other programs first: timings are interleaved, but a busy machine slows all of them.
Some measurements need more packages: pip install 'parcnet[lab]'.
`parcnet bench SUBCOMMAND --help` shows every option.
"""

SUBCOMMANDS = {
    name: f"parcnet_cli.bench.{name}"
    for name in (
        *("ops", "models", "train", "memory", "scaling", "merge", "profile", "deploy", "loader", "seeds"),
        *("finetune", "faults", "coins", "segmentation", "tune", "tables"),
    )
}


def run(arguments: Sequence[str]) -> int:
    """Measures and prints; returns 1 when a result was wrong or a table is stale, else 0. Raises `UserError`."""
    return run_subcommand("bench", HELP, SUBCOMMANDS, arguments)
