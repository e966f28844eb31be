"""`parcnet report`: one page on one training run."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.markup import escape

from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Makes one self-contained HTML page of a run folder: recipe, curves, confusion, worst mistakes with their Grad-CAM,
kernels, receptive field, robustness to size and to corruptions, speed on this machine, commands to reproduce.

  parcnet report runs/digits-...                       writes runs/digits-.../report.html
  parcnet report runs/mine --data-dir DIR -o mine.html
  parcnet report runs/mine --quick                     a tenth of the work

Where the data is not there any more, the sections that need it are left out, and the page says so.
"""


@dataclass(frozen=True)
class Arguments:
    """Which run, and on which images."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_FOLDER")]
    """The folder that `parcnet train` left."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """The page. None: report.html in the run folder."""
    data_dir: str | None = None
    """Where the images lie (`parcnet data --help`). None: where the recipe says."""
    split: Literal["train", "val", "test"] | None = None
    """Which part of the data. None: test if there is one, else val."""
    images: int | None = None
    """Images at most for accuracy, confusion and mistakes, spread over the split. None: 5000, with --quick 500."""
    probes: int | None = None
    """Of these, for robustness, each seen about 46 times. None: 500, with --quick 100."""
    quick: bool = False
    """A tenth of the work: four corruptions in three severities, three sizes, fewer images."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""


def run(arguments: Sequence[str]) -> int:
    """Looks, draws and writes; exit code 0. Raises `UserError`."""
    asked = parse(Arguments, "report", _DESCRIPTION, arguments)

    # here, for the library takes seconds to load
    from dataclasses import replace

    from parcnet.base import UserError, next_steps, pick_device, say, warn
    from parcnet.report import Bounds, write_report
    from parcnet.report.bounds import QUICK

    output = asked.run / "report.html" if asked.output is None else asked.output
    if output.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--output is {str(output)!r}; expected a file name that ends in .html.")
    bounds = QUICK if asked.quick else Bounds()
    for flag, number in (("images", asked.images), ("probes", asked.probes)):
        if number is not None and number < 1:
            raise UserError(f"--{flag} is {number}; expected at least 1 image.")
    bounds = replace(bounds, images=asked.images or bounds.images, probes=asked.probes or bounds.probes)
    written = write_report(
        asked.run,
        output,
        command=shlex.join(["parcnet", "report", *arguments]),
        data_dir=asked.data_dir,
        split=asked.split,
        bounds=bounds,
        device=pick_device(asked.device),
    )
    for reason in written.missing:
        warn(f"left out: {reason}")
    say(f"wrote {escape(str(output))} ({output.stat().st_size / 1e6:.1f} MB, everything inside)")
    next_steps([(f"python3 -m webbrowser {shlex.quote(str(output))}", "the run, on one page")])
    return 0
