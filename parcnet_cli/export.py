"""`parcnet export`: a network as a file for another runtime."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from parcnet_cli.common.arguments import parse
from parcnet_cli.common.sizes import size_of

_DESCRIPTION = """\
Writes a network as a file that runs without parcnet, for images of one size, and proves that it says the same: the file
is run in its own runtime on real images and compared, and kept only if it is near enough. Class names, normalisation
and where it comes from travel in the file. `parcnet predict FILE photo.jpg` runs it.

  parcnet export runs/digits-... -o digits.onnx                       ONNX, from the run folder's best checkpoint
  parcnet export best.safetensors --format openvino --size 320 -o net.xml
  parcnet export best.safetensors --format mnn --height 256 --width 448 --dtype fp16 -o net.mnn
  parcnet export best.safetensors --dtype int8 --calibration photos/ -o net.onnx
  parcnet export parcnetv2_tiny --batch dynamic -o tiny.onnx          fresh weights, to measure with

Kernels are as long as the map, so a file serves the one size it was made for. The first export of a size takes a while:
each stage's algorithm is measured in the runtime (--algorithm conv spares that).
"""


@dataclass(frozen=True)
class Arguments:
    """Which network, as which file."""

    subject: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT_OR_NETWORK")]
    """A .safetensors file of ours, a run folder, or a network's name (`parcnet models`) for fresh weights."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """The file: .onnx, .xml (its weights beside in .bin), .mnn or .pt2. None: the network's name, here."""
    format: Literal["onnx", "openvino", "mnn", "torch-export"] | None = None
    """What kind of file. None: what the ending of --output says, else onnx."""
    size: int | None = None
    """Side of the images in px. None: that of the checkpoint."""
    height: int | None = None
    """Height in px where it is not the width."""
    width: int | None = None
    """Width in px."""
    batch: str = "1"
    """Images at a time, or dynamic for any number."""
    dtype: Literal["fp32", "fp16", "int8"] = "fp32"
    """Precision. Of the weights alone: fp16 of mnn and openvino, int8 of mnn. Static int8: onnx and openvino."""
    pixels: bool = False
    """The file takes 8-bit RGB pixels [B, H, W, C] and normalises them itself; resizing stays outside."""
    algorithm: Literal["auto", "conv", "matmul", "dense"] = "auto"
    """Of the local-global convolutions; auto measures each stage in the runtime."""
    norm: Literal["layer_norm", "reduced", "scaled", "blocked"] | None = None
    """Form of the norms. None: the fastest in the format's runtime; layer_norm for TensorRT and CoreML."""
    images: Path | None = None
    """Folder of images to compare on. None: photographs that come with scikit-learn; digits for digits."""
    calibration: Path | None = None
    """Folder of images by which static int8 finds its ranges. None: as --images."""
    data_dir: str | None = None
    """Labelled images on which int8's loss of accuracy is counted: DIR/test/CLASS/ or DIR/val/CLASS/. None: digits."""
    tolerance: float | None = None
    """Largest error over the root mean square of the outputs. None: 1e-3 for fp32, 5e-2 for fp16, 1 for int8."""


def run(arguments: Sequence[str]) -> int:
    """Exports, compares and prints; exit code 0. Raises `UserError`."""
    asked = parse(Arguments, "export", _DESCRIPTION, arguments)

    # here, for the library takes seconds to load
    from rich.markup import escape

    from parcnet.base import next_steps, progress, say
    from parcnet.deploy import export, format_of
    from parcnet.deploy.export import RESPONSIBLE_STEPS, STEPS

    kind = asked.format or format_of(asked.output or "") or "onnx"
    steps = STEPS + RESPONSIBLE_STEPS * (asked.dtype == "int8" and kind != "mnn")
    with progress(f"exporting to {kind}", steps, "steps") as advance:
        made = export(
            asked.subject,
            asked.output,
            format=kind,
            size=size_of(asked.size, asked.height, asked.width),
            batch=_batch(asked.batch),
            dtype=asked.dtype,
            pixels=asked.pixels,
            algorithm=asked.algorithm,
            norm=asked.norm,
            images=asked.images,
            calibration=asked.calibration,
            data_dir=asked.data_dir,
            tolerance=asked.tolerance,
            note=advance,
        )
    request = made.info.request
    chosen = f", algorithms {', '.join(made.info.algorithms)}" if made.info.algorithms else ""
    count = "any number of" if request.batch is None else str(request.batch)
    images = f"{count} x {request.height} x {request.width} px"
    say(f"{escape(str(made.path))}: {made.bytes / 1e6:.1f} MB, {request.dtype}, {images}{chosen}")
    say(f"beside the network: {made.parity}")
    if made.accuracy is not None:
        say(f"int8: {made.accuracy}")
    if made.responsible is not None:
        for what, found in (("stage", made.responsible.stages), ("layer", made.responsible.layers)):
            if found:
                shares = ", ".join(f"{name} {share:.0%}" for name, share in found)
                say(f"of int8's error goes when one {what} stays in fp32: {shares}")
    next_steps([(f"parcnet predict {made.path} photo.jpg", "runs the file in its own runtime")])
    return 0


def _batch(text: str) -> int | None:
    from parcnet.base import UserError

    if text == "dynamic":
        return None
    if not text.isdecimal():
        raise UserError(f"--batch is {text!r}: expected a whole number, or dynamic for any.")
    return int(text)
