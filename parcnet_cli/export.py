"""`parcnet export`: a network as a file for another runtime."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from parcnet_cli.common.arguments import parse
from parcnet_cli.common.sizes import size_of

_DESCRIPTION = """\
Exports a network for images of one size to a file that runs without parcnet, and verifies it: the file is run in its
own runtime on real images, compared with the network, and kept only if the difference is within the tolerance. It
holds class names, normalisation and provenance. `parcnet predict FILE photo.jpg` runs it.

  parcnet export runs/digits-... -o digits.onnx                       ONNX, from the run folder's best checkpoint
  parcnet export best.safetensors --format openvino --size 320 -o net.xml
  parcnet export best.safetensors --format mnn --height 256 --width 448 --dtype fp16 -o net.mnn
  parcnet export best.safetensors --dtype int8 --calibration photos/ -o net.onnx
  parcnet export parcnetv2_tiny --batch dynamic -o tiny.onnx          fresh weights, to measure with

Kernels are as long as the feature map, so a file accepts only the size it was exported for. The first export of a size
takes longer, because each stage's algorithms are timed in the runtime (--algorithm conv skips this).
"""

_DIGITS = 9
"""Most digits of --batch."""


@dataclass(frozen=True)
class ExportOptions:
    """The network, the file, and how the file is verified."""

    subject: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT_OR_NETWORK")]
    """A .safetensors file of ours, a run folder, or a network's name (`parcnet models`) for fresh weights."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """The file: .onnx, .xml (with its weights in .bin), .mnn or .pt2. None: the network's name, in this folder."""
    format: Literal["onnx", "openvino", "mnn", "torch-export"] | None = None
    """File format. None: from the suffix of --output, else onnx."""
    size: int | None = None
    """Side of the images in px. None: the checkpoint's."""
    height: int | None = None
    """Height in px, for images that are not square."""
    width: int | None = None
    """Width in px, for images that are not square."""
    batch: str = "1"
    """Batch size, or dynamic for any."""
    dtype: Literal["fp32", "fp16", "int8"] = "fp32"
    """Precision. fp16 with mnn or openvino and int8 with mnn apply to the weights alone; int8 with onnx or openvino is
    static."""
    pixels: bool = False
    """The file takes 8-bit RGB pixels [B, H, W, C] and normalises them itself; resizing is not included."""
    algorithm: Literal["auto", "conv", "matmul", "dense"] = "auto"
    """Algorithm of the oversized convolutions; auto times each stage in the runtime."""
    norm: Literal["layer_norm", "reduced", "scaled", "blocked"] | None = None
    """Form of the norms. None: the fastest in the format's runtime; use layer_norm for TensorRT and CoreML."""
    images: Path | None = None
    """Folder of images to compare file and network on. None: scikit-learn's photographs, or the digits for networks
    trained on them."""
    calibration: Path | None = None
    """Folder of images that calibrate static int8. None: those of --images."""
    data_dir: str | None = None
    """Labelled images that measure the accuracy loss of int8: DIR/test/CLASS/ or DIR/val/CLASS/. None: digits."""
    tolerance: float | None = None
    """Largest error allowed, relative to the root mean square of the outputs. None: 1e-3 for fp32, 5e-2 for fp16, 1 for
    int8."""


def run(arguments: Sequence[str]) -> int:
    """Exports, compares and prints; exit code 0. Raises `UserError`."""
    options = parse(ExportOptions, "export", _DESCRIPTION, arguments)

    # here, because the library takes seconds to load
    from rich.markup import escape

    from parcnet.base import next_steps, progress, say
    from parcnet.deploy import export, format_of
    from parcnet.deploy.export import RESPONSIBLE_STEPS, STEPS

    kind = options.format or format_of(options.output or "") or "onnx"
    steps = STEPS + RESPONSIBLE_STEPS * (options.dtype == "int8" and kind != "mnn")
    with progress(f"exporting to {kind}", steps, "steps") as advance:
        exported = export(
            options.subject,
            options.output,
            format=kind,
            size=size_of(options.size, options.height, options.width),
            batch=_batch(options.batch),
            dtype=options.dtype,
            pixels=options.pixels,
            algorithm=options.algorithm,
            norm=options.norm,
            images=options.images,
            calibration=options.calibration,
            data_dir=options.data_dir,
            tolerance=options.tolerance,
            note=advance,
        )
    request = exported.info.request
    algorithms = f", algorithms {', '.join(exported.info.algorithms)}" if exported.info.algorithms else ""
    count = "any number of" if request.batch is None else str(request.batch)
    images = f"{count} x {request.height} x {request.width} px"
    say(f"{escape(str(exported.path))}: {exported.bytes / 1e6:.1f} MB, {request.dtype}, {images}{algorithms}")
    say(f"compared with the network: {exported.parity}")
    if exported.accuracy is not None:
        say(f"int8: {exported.accuracy}")
    if exported.responsible is not None:
        for unit, gains in (("stage", exported.responsible.stages), ("layer", exported.responsible.layers)):
            if gains:
                reductions = ", ".join(f"{name} {gain:.0%}" for name, gain in gains)
                say(f"reduction of the int8 error when one {unit} stays in fp32: {reductions}")
    next_steps([(f"parcnet predict {exported.path} photo.jpg", "runs the file in its own runtime")])
    return 0


def _batch(text: str) -> int | None:
    from parcnet.base import UserError

    if text == "dynamic":
        return None
    if not text.isdecimal() or len(text) > _DIGITS:
        raise UserError(f"--batch is {text[:40]!r}: expected a whole number, or dynamic for any.")
    return int(text)  # whose range the export itself checks
