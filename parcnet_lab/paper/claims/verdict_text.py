"""Verdicts, intervals and figures as text, for the page, Markdown and the terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from parcnet_lab.paper.claims.finding import ClaimFigure, Finding

SIGNS = {"supported": "✓", "pass": "✓", "contradicted": "✗", "fail": "✗", "undecided": "?"}
"""A verdict's mark, so that colour is never the only cue."""

LEGEND = (
    "“pass” and “fail” judge algebraic statements. “supported” and “contradicted” mean that the whole 95 % interval "
    "(Student's t) of the paired differences over seeds lies on one side of 0, or that of an exponent inside or "
    "outside its tolerance; otherwise the verdict is “undecided”. A claim of several parts is contradicted if one "
    "part is, and supported if all are."
)
"""What the verdicts mean, for the page and for Markdown."""


def interval_text(figure: ClaimFigure) -> str:
    """`1.20 (0.40 to 2.00)`: the mean and its 95 % interval; empty for a figure that is not a comparison."""
    if figure.interval is None:
        return ""
    found = figure.interval
    mean, low, high = (f"{round(value, 2) + 0.0:.2f}" for value in (found.mean, found.low, found.high))  # no -0.00
    return f"{mean} ({low} to {high})"


def verdict_text(verdict: str | None) -> str:
    """`✓ supported`."""
    return "" if verdict is None else f"{SIGNS[verdict]} {verdict}"


def parts_text(finding: Finding) -> str:
    """`2 supported, 9 undecided`: the verdicts on a claim's parts; empty if it is judged as a whole."""
    counts = Counter[str](each.verdict for each in finding.figures if each.verdict is not None)
    return _counted(counts)


def figure_table(finding: Finding) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows of a finding's figures; empty columns are left out."""
    columns = ("figure", "value", "paper (theirs)", "mean (95 % interval)", "verdict")
    rows = [
        (each.name, each.value, each.paper, interval_text(each), verdict_text(each.verdict)) for each in finding.figures
    ]
    used = [place for place in range(len(columns)) if place < 2 or any(row[place] for row in rows)]
    return tuple(columns[place] for place in used), [tuple(row[place] for place in used) for row in rows]


def counted_verdicts(findings: Sequence[Finding]) -> str:
    """`4 pass, 1 supported, 2 contradicted`."""
    return _counted(Counter[str](each.verdict for each in findings))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in SIGNS if counts.get(verdict))


def about_text(about: Mapping[str, Any]) -> str:
    """Command, machine, versions and date as one sentence."""
    machine = about["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    threads = f"{machine['threads']} threads on {machine['cores']} cores"
    quick = " Quick settings: a smoke test, not evidence." if about["quick"] else ""
    return f"`{about['command']}` on {machine['device']}, {threads}; {versions}; {machine['date']}.{quick}"
