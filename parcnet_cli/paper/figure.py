"""`parcnet paper iccv-figure3` and its like: a figure drawn from the networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.markup import escape

from parcnet_cli.common.arguments import parse
from parcnet_cli.common.pictures import check_picture

if TYPE_CHECKING:
    from parcnet_lab.paper.printed import PrintedFigure

_DESCRIPTION = """\
{title}. Drawn from the networks themselves, not copied from the paper.

  parcnet paper {name} -o {name}.png
  parcnet paper {name} -o {name}.svg
"""


@dataclass(frozen=True)
class FigureOptions:
    """What to draw, and where."""

    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """The picture: .png, .svg, .pdf or another format of matplotlib."""
    checkpoint: Path | None = None
    """For figures of kernels: a trained network, as a .safetensors file of ours or a run folder."""
    results: Path = Path("benchmarks/results")
    """For figures of latency: folder with the results of `parcnet bench models`."""
    measure: bool = False
    """For figures of latency: measure now, one image at a time, instead of reading results; about a minute."""
    device: str = "auto"
    """Device for --measure: auto, cpu, cuda, cuda:N or mps."""


def run_figure(printed: "PrintedFigure", arguments: Sequence[str]) -> int:
    """Draws; exit code 0. Raises `UserError`."""
    description = _DESCRIPTION.format(name=printed.name, title=printed.title)
    options = parse(FigureOptions, f"paper {printed.name}", description, arguments)

    from parcnet.base import UserError, check_writable, say
    from parcnet_lab.paper import table_views

    if printed.draws is None:
        states = "; ".join(f"{state}: {what}" for state, what in printed.states.items())
        raise UserError(f"{printed.text}, {printed.number} ({printed.title}) is not drawn here. {states}.")
    if options.output is None:
        raise UserError(f"{printed.name} is a picture; name its file: {table_views.command_for(printed)}")
    check_picture("--output", options.output)
    check_writable(options.output)

    from parcnet_lab.paper.drawings import DrawingOptions, draw

    request = DrawingOptions(options.output, options.checkpoint, options.results, options.measure, options.device)
    for line in [*draw(printed, request), *table_views.said_of(printed.name)]:
        say(escape(line))
    say(f"drawn in {escape(str(options.output))}")
    return 0
