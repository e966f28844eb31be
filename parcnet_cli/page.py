"""`parcnet page`: a web page that runs a network in the browser."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from parcnet_cli.common.arguments import parse
from parcnet_cli.common.sizes import size_of

_DESCRIPTION = """\
Writes a folder with a web page that runs a classifier in the visitor's browser: drop a picture to see the five most
probable classes, each with a class activation map over the picture. The folder holds static files only and works on any
web server, also below a path; the page loads nothing from elsewhere and sends nothing. The network is exported to ONNX,
and the page is kept only if the exported file reproduces the network's outputs (`parcnet export --help`).

  parcnet page runs/digits-... -o page
  parcnet page best.safetensors --size 256 --title "Flowers" --example rose.jpg -o page
  python -m http.server --bind 127.0.0.1 -d page           then open the address that it prints

The runtime, onnxruntime-web, is downloaded with npm (apt install npm) and checked against its published hash;
--onnxruntime-web DIR uses a local package instead. It adds 14 MB to the folder; compressed, 4 MB are transferred.
"""


@dataclass(frozen=True)
class PageOptions:
    """Which network, and the folder to write."""

    subject: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT_OR_NETWORK")]
    """A .safetensors file of ours, a run folder, or a network's name (`parcnet models`) with untrained weights."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """The folder to write: new, empty, or an earlier page, which is replaced."""
    size: int | None = None
    """Side of the images in px. None: that of the checkpoint. A larger size gives finer class activation maps; a very
    different one, worse predictions."""
    height: int | None = None
    """Height in px, if it differs from the width."""
    width: int | None = None
    """Width in px."""
    title: str | None = None
    """Heading of the page. None: the network's name."""
    example: tyro.conf.UseAppendAction[tuple[Path, ...]] = ()
    """An example picture, with its own button; repeat the option for more. Default: two embedded pictures."""
    no_heat: bool = False
    """Omit the class activation maps."""
    algorithm: Literal["auto", "conv", "matmul", "dense"] = "matmul"
    """Algorithm of the local-global convolutions: matmul is fastest in browsers, conv the smallest to load; auto
    measures each stage on this machine, not in a browser."""
    images: Path | None = None
    """Folder of images for the comparison. None: the photographs of scikit-learn; digits for networks of digits."""
    tolerance: float | None = None
    """Maximum error relative to the root mean square of the outputs. None: 1e-3."""
    onnxruntime_web: Path | None = None
    """An unpacked onnxruntime-web package. None: downloaded with npm."""


def run(arguments: Sequence[str]) -> int:
    """Writes the page and prints how to open it; exit code 0. Raises `UserError`."""
    options = parse(PageOptions, "page", _DESCRIPTION, arguments)

    # here, because the library takes seconds to load
    from rich.markup import escape

    from parcnet.base import next_steps, progress, say, warn
    from parcnet.deploy.page import page
    from parcnet.deploy.page.build import STEPS

    with progress("building the page", STEPS, "steps") as advance:
        built = page(
            options.subject,
            options.output,
            size=size_of(options.size, options.height, options.width),
            algorithm=options.algorithm,
            title=options.title,
            examples=options.example,
            heat=not options.no_heat,
            images=options.images,
            tolerance=options.tolerance,
            onnxruntime_web=options.onnxruntime_web,
            note=advance,
        )
    request = built.export.info.request
    sizes = f"network {built.export.bytes / 1e6:.1f} MB, {request.height} x {request.width} px"
    say(f"{escape(str(options.output))}: {built.bytes / 1e6:.1f} MB, {sizes}, onnxruntime-web {built.runtime}")
    say(f"compared with the network: {built.export.parity}")
    if built.no_heat is not None and not options.no_heat:
        warn(f"the page has no class activation maps: {built.no_heat}")
    command = f"python -m http.server --bind 127.0.0.1 -d {shlex.quote(str(options.output))}"
    next_steps([(command, "serves the page at http://127.0.0.1:8000")])
    return 0
