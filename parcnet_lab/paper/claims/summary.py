"""The findings as Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parcnet.base import write_text
from parcnet_lab.bench.tables import markdown_table
from parcnet_lab.paper.claims.finding import Finding
from parcnet_lab.paper.claims.verdict_text import (
    LEGEND,
    about_text,
    counted_verdicts,
    figure_table,
    parts_text,
    verdict_text,
)


def write_summary(path: Path, findings: Sequence[Finding], about: Mapping[str, Any]) -> None:
    """Writes `summary`."""
    write_text(path, summary(findings, about))


def summary(findings: Sequence[Finding], about: Mapping[str, Any]) -> str:
    """An overview of the verdicts, then the table of every finding; the pictures are on the page.

    `about` is the head of claims.json: command, machine, `quick`, and perhaps a `note` on how it was run.
    """
    rows = [(str(each.number), each.title, _at_a_glance(each), each.source) for each in findings]
    lines = [
        "# The papers' claims, tested here",
        "",
        f"{counted_verdicts(findings)}. {about_text(about)}",
        "",
        *([about["note"], ""] if "note" in about else []),
        *markdown_table(("", "claim", "verdict, and those of its parts", "source"), rows),
        "",
        LEGEND,
    ]
    for each in findings:
        lines += ["", *_section(each)]
    return "\n".join([*lines, ""])


def _at_a_glance(finding: Finding) -> str:
    parts = parts_text(finding)
    return verdict_text(finding.verdict) + (f": {parts}" if parts else "")


def _section(finding: Finding) -> list[str]:
    return [
        f"## {finding.number}. {finding.title}: {finding.verdict}",
        "",
        f"**Claim** ({finding.source}): {finding.claim}",
        "",
        f"**Experiment**, {len(finding.seeds)} seeds, {finding.seconds:.0f} s: {finding.experiment}",
        "",
        *markdown_table(*figure_table(finding)),
        "",
        finding.because,
    ]
