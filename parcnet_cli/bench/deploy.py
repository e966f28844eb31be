"""`parcnet bench deploy`: exported files in their runtimes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from parcnet_cli.bench.measurement import MeasurementOptions, make_result, prepare, report_result
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Exports our networks and their peers and times the files, interleaved, each in its own process: latency, images per
second, peak memory, file size, and the columns of ICCV 2023, Tab. 7, with the paper's figures. Ours are exported twice:
prepared, and plain, as torch's exporter writes them. Files stay in --files and are reused.

  parcnet bench deploy --tag tiny --formats openvino --files exported     minutes, mostly for the export
  parcnet bench deploy --batch 1 8 --threads-of 1 2 --output benchmarks/results
  parcnet bench deploy --tag tiny --precision int8 --peers convnext
"""


@dataclass(frozen=True)
class BenchDeployOptions(MeasurementOptions):
    """Which networks, in which runtimes and settings."""

    tag: tuple[str, ...] = ("tiny", "small", "base")
    """Sizes: each TAG compares parcnetv2_TAG."""
    peers: tuple[str, ...] = ("convnext", "swin")
    """Compared with: `convnext` and `swin` are those of the same tag; any other name is a timm network."""
    formats: tuple[Literal["onnx", "openvino", "mnn"], ...] = ("onnx", "openvino", "mnn")
    """File formats, each run by its own runtime."""
    precision: tuple[Literal["fp32", "fp16", "int8"], ...] = ("fp32",)
    """Precisions of the files."""
    batch: tuple[int, ...] = (1,)
    """Batch sizes."""
    threads_of: tuple[int, ...] = (2,)
    """Numbers of threads of the runtime."""
    algorithm: Literal["auto", "conv", "matmul", "dense"] = "auto"
    """Algorithm of our local-global convolutions; auto measures each stage in each runtime, which takes minutes."""
    size: int = 224
    """Image side in px."""
    rounds: int = 15
    """Rounds over all files; a round times three calls of each."""
    files: Path = Path("exported")
    """Folder for the files."""


def run(arguments: Sequence[str]) -> int:
    """Exports, measures and prints; returns 1 when a file failed, else 0. Raises `UserError`."""
    options = parse(BenchDeployOptions, "bench deploy", _DESCRIPTION, arguments)
    device, _ = prepare(options)

    from parcnet.base import UserError, progress
    from parcnet_lab.bench import deployed_latency

    if min(*options.batch, *options.threads_of, options.rounds) < 1:
        raise UserError("--batch, --threads-of and --rounds must be at least 1.")
    settings = [
        deployed_latency.DeploymentSetting(tag, options.size, batch, threads, dtype, options.algorithm)
        for tag, batch, threads, dtype in product(options.tag, options.batch, options.threads_of, options.precision)
    ]
    steps = len(settings) * (len(options.formats) * (2 + len(options.peers)) + 1)
    with progress("exporting and timing", steps, "steps") as advance:
        measured = deployed_latency.measure(
            settings, options.formats, options.peers, options.files, options.rounds, advance
        )
        rows = list(measured)
    notes = [
        "one process per file, interleaved; peak memory above that of the loaded runtime, weights included",
        "ConvNeXt with conv_mlp=True; plain: the file that torch's exporter writes without preparation",
    ]
    conditions = {"image": options.size, "rounds": options.rounds}
    return report_result(options, make_result(options, "deploy", arguments, device, rows, conditions, notes))
