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
Writes a folder with a web page that runs a classifier in the browser of whoever opens it: drop a picture, see the five
likeliest classes and, as heat over the picture, what speaks for each. Static files only: any web server will do, also
below a path, and the page fetches nothing from elsewhere and sends nothing. The network is exported to ONNX and kept
only if it says the same as here (`parcnet export --help`).

  parcnet page runs/digits-... -o page
  parcnet page best.safetensors --size 256 --title "Flowers" --example rose.jpg -o page
  python -m http.server --bind 127.0.0.1 -d page           then open the address it prints

The runtime, onnxruntime-web, comes from npm while the page is made (apt install npm), checked against its published
hash; --onnxruntime-web DIR takes a package that is there already. It adds 14 MB, of which 4 MB travel compressed.
"""


@dataclass(frozen=True)
class Arguments:
    """Which network, into which folder."""

    subject: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT_OR_NETWORK")]
    """A .safetensors file of ours, a run folder, or a network's name (`parcnet models`) for fresh weights."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """The folder to write: a new or empty one, or an earlier page, which is replaced."""
    size: int | None = None
    """Side of the images in px. None: that of the checkpoint. A larger one gives finer heat; far off, worse
    answers."""
    height: int | None = None
    """Height in px where it is not the width."""
    width: int | None = None
    """Width in px."""
    title: str | None = None
    """Heading of the page. None: the network's name."""
    example: tyro.conf.UseAppendAction[tuple[Path, ...]] = ()
    """A picture to try, with a button of its own; give the option again for more. None: two embedded ones."""
    no_heat: bool = False
    """Leave out the heat."""
    algorithm: Literal["auto", "conv", "matmul", "dense"] = "matmul"
    """Of the local-global convolutions: matmul is fastest in browsers, conv the smallest to load; auto measures each
    stage, here and not in a browser."""
    images: Path | None = None
    """Folder of images to compare on. None: photographs that come with scikit-learn; digits for digits."""
    tolerance: float | None = None
    """Largest error over the root mean square of the outputs. None: 1e-3."""
    onnxruntime_web: Path | None = None
    """An unpacked onnxruntime-web package. None: npm fetches it."""


def run(arguments: Sequence[str]) -> int:
    """Makes the page and prints how to open it; exit code 0. Raises `UserError`."""
    asked = parse(Arguments, "page", _DESCRIPTION, arguments)

    # here, for the library takes seconds to load
    from rich.markup import escape

    from parcnet.base import next_steps, progress, say, warn
    from parcnet.deploy.page import page
    from parcnet.deploy.page.build import STEPS

    with progress("making the page", STEPS, "steps") as advance:
        made = page(
            asked.subject,
            asked.output,
            size=size_of(asked.size, asked.height, asked.width),
            algorithm=asked.algorithm,
            title=asked.title,
            examples=asked.example,
            heat=not asked.no_heat,
            images=asked.images,
            tolerance=asked.tolerance,
            onnxruntime_web=asked.onnxruntime_web,
            note=advance,
        )
    request = made.export.info.request
    sizes = f"network {made.export.bytes / 1e6:.1f} MB, {request.height} x {request.width} px"
    say(f"{escape(str(asked.output))}: {made.bytes / 1e6:.1f} MB, {sizes}, onnxruntime-web {made.runtime}")
    say(f"beside the network: {made.export.parity}")
    if made.no_heat is not None and not asked.no_heat:
        warn(f"the page shows no heat: {made.no_heat}")
    command = f"python -m http.server --bind 127.0.0.1 -d {shlex.quote(str(asked.output))}"
    next_steps([(command, "serves the page: open http://127.0.0.1:8000")])
    return 0
