"""`parcnet paper claims`: the papers' claims as experiments."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.markup import escape

from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Tests what the papers claim, in about half an hour on two CPU cores, and writes one page with pictures. The photographs
ship with scikit-image and scikit-learn; nothing is downloaded. What is done is kept, so an interrupted run goes on.

  1 order of the two passes     2 position without embeddings   3 distortion at the border     4 field of one block
  5 other input sizes           6 ablations at small scale      7 growth of the cost           8 2H-1 is the extreme

  parcnet paper claims
  parcnet paper claims --only 2 6 --seeds 5
  parcnet paper claims --quick -o runs/claims-quick

A contradiction is a finding, not a failure: the exit code is 0.
"""


@dataclass(frozen=True)
class Arguments:
    """What to measure, and where to keep it."""

    only: tuple[int, ...] = ()
    """Numbers of the claims to test. None given: all eight."""
    seeds: int = 3
    """How many seeds; at least 2, because a spread needs two."""
    quick: bool = False
    """Small maps and a few steps, about three minutes: whether it runs, not what is true."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/claims")
    """Folder for claims.html, claims.json, claims.md, and what an interrupted run goes on from."""


def run(arguments: Sequence[str]) -> int:
    """Measures, writes and prints; exit code 0 whatever the verdicts. Raises `UserError`."""
    asked = parse(Arguments, "paper claims", _DESCRIPTION, arguments)

    from parcnet.base import next_steps, say, table  # here, for the library takes seconds to load
    from parcnet_lab.paper import claims
    from parcnet_lab.paper.claims.verdict_text import verdict_text

    settings = claims.Settings(asked.seeds, asked.quick, asked.output)
    findings = claims.run(settings, asked.only, _command(asked))
    columns = ("", "claim", "verdict", "seeds", "s", "why")
    rows = [
        (
            str(each.number),
            each.title,
            verdict_text(each.verdict),
            str(len(each.seeds)),
            f"{each.seconds:.0f}",
            each.because,
        )
        for each in findings
    ]
    table("The papers' claims, tested here", columns, rows)
    if asked.quick:
        say("quick settings show that it runs; they judge nothing")
    page = asked.output / "claims.html"
    say(f"wrote {escape(str(page))}, and claims.md and claims.json beside it")
    next_steps([(f"python3 -m webbrowser {shlex.quote(str(page))}", "every figure and picture, on one page")])
    return 0


def _command(asked: Arguments) -> str:
    """As a person would type it, without folders: they tell of somebody's machine and of nothing measured."""
    words = ["parcnet", "paper", "claims"]
    words += ["--only", *map(str, asked.only)] if asked.only else []
    words += ["--seeds", str(asked.seeds)] if asked.seeds != 3 else []
    return shlex.join([*words, *(["--quick"] if asked.quick else [])])
