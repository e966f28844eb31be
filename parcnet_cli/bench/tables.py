"""`parcnet bench tables`: result files as tables in Markdown files."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from parcnet_cli.bench.measurement import RESULTS
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Writes result files as tables into Markdown files, or checks that the tables there are current:

  <!-- bench:models-cpu -->          the default view of RESULTS/models-cpu.json
  <!-- bench:models-cpu/ratios -->   another view: ops and tune have cases, summary; models has latency, ratios
  <!-- /bench -->                    end of the table

  parcnet bench tables --write README.md docs
  parcnet bench tables --check README.md docs                          exit code 1 if a table is stale
"""


@dataclass(frozen=True)
class BenchTablesOptions:
    """Which Markdown files."""

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILE|FOLDER...")]
    """Markdown files; a folder stands for every .md file in it."""
    check: bool = False
    """Change nothing; name the files whose tables differ from the result files, with exit code 1 if there are any."""
    write: bool = False
    """Replace the text between <!-- bench:NAME --> and <!-- /bench --> by RESULTS/NAME.json; NAME/VIEW for others."""
    results: Path = Path(RESULTS)
    """Folder of the result files."""


def run(arguments: Sequence[str]) -> int:
    """Writes or checks; returns 1 when a table is stale, else 0. Raises `UserError`."""
    options = parse(BenchTablesOptions, "bench tables", _DESCRIPTION, arguments)

    from parcnet.base import UserError, next_steps, say, warn
    from parcnet_lab.bench import tables

    if options.check == options.write:
        raise UserError("give either --check or --write: parcnet bench tables --check README.md docs")
    if not options.paths:
        raise UserError("no file given: parcnet bench tables --check README.md docs")
    if options.write:
        changed = tables.write(options.paths, options.results)
        say(f"wrote {', '.join(map(str, changed))}" if changed else "every table is up to date")
        return 0
    stale = tables.stale(options.paths, options.results)
    for path in stale:
        warn(f"{path}: its tables differ from the result files")
    if stale:
        next_steps([(f"parcnet bench tables --write {shlex.join(map(str, stale))}", "updates them")])
    return 1 if stale else 0
