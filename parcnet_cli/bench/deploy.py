"""`parcnet bench deploy`: exported files in their runtimes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from parcnet_cli.bench.arguments import Common
from parcnet_cli.bench.command import finish, prepare, result_of
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Exports networks of ours and their peers and times the files, each in a process of its own, all in turns: latency,
images a second, peak memory, file size, and the columns of ICCV 2023, Tab. 7, with the paper's figures beside. Ours are
exported twice: prepared, and plain as torch's exporter finds them. Files stay in --files and are used again.

  parcnet bench deploy --tag tiny --formats openvino --files exported     minutes, most of them exporting
  parcnet bench deploy --batch 1 8 --threads-of 1 2 --output benchmarks/results
  parcnet bench deploy --tag tiny --precision int8 --peers convnext
"""


@dataclass(frozen=True)
class Arguments(Common):
    """Which networks, in which runtimes and settings."""

    tag: tuple[str, ...] = ("tiny", "small", "base")
    """Sizes: parcnetv2_TAG is compared."""
    peers: tuple[str, ...] = ("convnext", "swin")
    """With what: `convnext` and `swin` are those of the same tag; or any name that timm knows."""
    formats: tuple[Literal["onnx", "openvino", "mnn"], ...] = ("onnx", "openvino", "mnn")
    """Kinds of files, each run by its own runtime."""
    precision: tuple[Literal["fp32", "fp16", "int8"], ...] = ("fp32",)
    """Precisions of the files."""
    batch: tuple[int, ...] = (1,)
    """Images at a time."""
    threads_of: tuple[int, ...] = (2,)
    """Threads that a runtime may use."""
    algorithm: Literal["auto", "conv", "matmul", "dense"] = "auto"
    """Of our local-global convolutions; auto measures each stage in each runtime, which takes minutes."""
    size: int = 224
    """Image side in pixels."""
    rounds: int = 15
    """Turns that every file gets; three calls of each count."""
    files: Path = Path("exported")
    """Folder for the files."""


def run(arguments: Sequence[str]) -> int:
    """Exports, measures and prints. Raises `UserError`."""
    asked = parse(Arguments, "bench deploy", _DESCRIPTION, arguments)
    device, _ = prepare(asked)

    from parcnet.base import UserError, progress
    from parcnet_lab.bench import deployed_latency

    if min(*asked.batch, *asked.threads_of, asked.rounds) < 1:
        raise UserError("--batch, --threads-of and --rounds must be at least 1.")
    asked_for = product(asked.tag, asked.batch, asked.threads_of, asked.precision)
    settings = [
        deployed_latency.DeploymentSetting(tag, asked.size, batch, threads, dtype, asked.algorithm)
        for tag, batch, threads, dtype in asked_for
    ]
    steps = len(settings) * (len(asked.formats) * (2 + len(asked.peers)) + 1)
    with progress("exporting and timing", steps, "steps") as advance:
        rows = list(deployed_latency.measure(settings, asked.formats, asked.peers, asked.files, asked.rounds, advance))
    notes = [
        "a process for each file, in turns; peak memory above that of the loaded runtime, weights included",
        "ConvNeXt with conv_mlp=True; plain: what torch's exporter makes of the network by itself",
    ]
    how = {"image": asked.size, "rounds": asked.rounds}
    return finish(asked, result_of(asked, "deploy", arguments, device, rows, how, notes))
