"""The findings as one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from parcnet.base.page import PageTable, page_picture, write_page
from parcnet_lab.paper.claims.finding import Finding
from parcnet_lab.paper.claims.verdict_text import (
    LEGEND,
    about_text,
    counted_verdicts,
    figure_table,
    parts_text,
    verdict_text,
)

_TEMPLATE = Path(__file__).with_name("claims_page.html")
_LINK = Markup('<a href="#claim-{}">{}</a>')
_BADGE = Markup('<span class="verdict {}">{}</span>')


def write_claims(path: Path, findings: Sequence[Finding], about: Mapping[str, Any], folder: Path) -> None:
    """Writes the page; the pictures of the findings are in `folder`."""
    overview = [
        (
            each.number,
            _LINK.format(each.number, each.title),
            each.source,
            _badge(each.verdict),
            parts_text(each),
        )
        for each in findings
    ]
    values = {
        "counts": counted_verdicts(findings),
        "about": about_text(about),
        "overview": PageTable("claims and verdicts", ("no.", "claim", "source", "verdict", "its parts"), overview),
        "legend": LEGEND,
        "sections": [_section(each, folder) for each in findings],
    }
    write_page(path, _TEMPLATE, values)


def _section(finding: Finding, folder: Path) -> dict[str, Any]:
    columns, rows = figure_table(finding)
    body = [
        [
            _badge(figure.verdict) if name == "verdict" and figure.verdict else cell
            for name, cell in zip(columns, row, strict=True)
        ]
        for figure, row in zip(finding.figures, rows, strict=True)
    ]
    return {
        "finding": finding,
        "verdict": _badge(finding.verdict),
        "figures": PageTable(f"figures of claim {finding.number}", columns, body),
        "pictures": [page_picture(folder / each.file, each.caption, each.caption) for each in finding.pictures],
    }


def _badge(verdict: str) -> Markup:
    return _BADGE.format(verdict, verdict_text(verdict))
