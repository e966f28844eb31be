"""The findings as Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parcnet.base import write_text
from parcnet.bench.tables import markdown_table
from parcnet.paper.claims.finding import Finding
from parcnet.paper.claims.words import about_words, counted_verdicts, figure_table, verdict_words


def write_summary(path: Path, findings: Sequence[Finding], about: Mapping[str, Any]) -> None:
    """Writes the tables of every finding; the pictures are on the page."""
    rows = [(str(each.number), each.title, each.source, verdict_words(each.verdict)) for each in findings]
    lines = [
        "# The papers' claims, tested here",
        "",
        f"{counted_verdicts(findings)}. {about_words(about)}",
        "",
        *markdown_table(("", "claim", "source", "verdict"), rows),
    ]
    for each in findings:
        lines += ["", *_section(each)]
    write_text(path, "\n".join([*lines, ""]))


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
