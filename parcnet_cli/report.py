"""`parcnet report`: a training run on one HTML page."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.markup import escape

from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Writes one self-contained HTML page about a run folder: recipe, curves, confusion matrix, worst errors with Grad-CAM,
kernels, receptive field, robustness to image size and corruptions, speed on this machine, commands to reproduce.

  parcnet report runs/digits-...                       writes runs/digits-.../report.html
  parcnet report runs/mine --data-dir DIR -o mine.html
  parcnet report runs/mine --quick                     a tenth of the work

If the data is no longer available, the sections that need it are omitted, and the page says so.
"""


@dataclass(frozen=True)
class ReportOptions:
    """Which run, and which images."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_FOLDER")]
    """The folder that `parcnet train` wrote."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """The page. None: report.html in the run folder."""
    data_dir: str | None = None
    """Location of the images (`parcnet data --help`). None: as in the recipe."""
    split: Literal["train", "val", "test"] | None = None
    """Split of the data. None: test if there is one, else val."""
    images: int | None = None
    """Maximum number of images for accuracy, confusion and errors, spread over the split. None: 5000, or 500 with
    --quick."""
    probes: int | None = None
    """Number of these used for robustness, each evaluated about 46 times. None: 500, or 100 with --quick."""
    quick: bool = False
    """A tenth of the work: four corruptions at three severities, three sizes, fewer images."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""


def run(arguments: Sequence[str]) -> int:
    """Evaluates, draws and writes; exit code 0. Raises `UserError`."""
    options = parse(ReportOptions, "report", _DESCRIPTION, arguments)

    # here, because the library takes seconds to load
    from dataclasses import replace

    from parcnet.base import UserError, next_steps, pick_device, say, warn
    from parcnet.report import Bounds, write_report
    from parcnet.report.bounds import QUICK

    output = options.run / "report.html" if options.output is None else options.output
    if output.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--output is {str(output)!r}; expected a file name that ends in .html.")
    bounds = QUICK if options.quick else Bounds()
    bounds = replace(bounds, images=options.images or bounds.images, probes=options.probes or bounds.probes)
    written = write_report(
        options.run,
        output,
        command=shlex.join(["parcnet", "report", *arguments]),
        data_dir=options.data_dir,
        split=options.split,
        bounds=bounds,
        device=pick_device(options.device),
    )
    for reason in written.missing:
        warn(f"omitted: {reason}")
    say(f"wrote {escape(str(output))} ({output.stat().st_size / 1e6:.1f} MB, self-contained)")
    next_steps([(f"python3 -m webbrowser {shlex.quote(str(output))}", "opens the page")])
    return 0
