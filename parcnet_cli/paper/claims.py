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
Tests the papers' claims in about half an hour on two CPU cores, and writes one page with figures. The photographs ship
with scikit-image and scikit-learn; nothing is downloaded. Finished experiments are kept, so an interrupted run resumes.

  1 order of the two passes        2 position without embeddings   3 distortion at the border
  4 receptive field of one block   5 other input sizes             6 ablations at small scale
  7 growth of the cost             8 2H-1 is the longest useful kernel

  parcnet paper claims
  parcnet paper claims --only 2 6 --seeds 5
  parcnet paper claims --quick -o runs/claims-quick

A contradicted claim is a finding, not a failure: the exit code is 0.
"""


@dataclass(frozen=True)
class ClaimsOptions:
    """Which claims to test, and where to keep the results."""

    only: tuple[int, ...] = ()
    """Numbers of the claims to test. Default: all eight."""
    seeds: int = 3
    """Number of seeds; at least 2, to estimate the spread."""
    quick: bool = False
    """Small maps and a few steps, about three minutes: a trial run whose verdicts mean nothing."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/claims")
    """Folder for claims.html, claims.json, claims.md, and the files from which an interrupted run resumes."""


def run(arguments: Sequence[str]) -> int:
    """Measures, writes and prints; exit code 0 whatever the verdicts. Raises `UserError`."""
    options = parse(ClaimsOptions, "paper claims", _DESCRIPTION, arguments)

    from parcnet.base import next_steps, say, table  # here, because the library takes seconds to load
    from parcnet_lab.paper import claims
    from parcnet_lab.paper.claims.verdict_text import verdict_text

    settings = claims.Settings(options.seeds, options.quick, options.output)
    findings = claims.run(settings, options.only, _command(options))
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
    if options.quick:
        say("quick settings only test that the experiments run; their verdicts mean nothing")
    page = options.output / "claims.html"
    say(f"wrote {escape(str(page))}, with claims.md and claims.json next to it")
    next_steps([(f"python3 -m webbrowser {shlex.quote(str(page))}", "every figure and picture, on one page")])
    return 0


def _command(options: ClaimsOptions) -> str:
    """The command without paths, which are not part of the experiments."""
    words = ["parcnet", "paper", "claims"]
    words += ["--only", *map(str, options.only)] if options.only else []
    words += ["--seeds", str(options.seeds)] if options.seeds != 3 else []
    return shlex.join([*words, *(["--quick"] if options.quick else [])])
