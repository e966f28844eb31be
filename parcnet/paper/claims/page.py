"""The findings as one HTML page that needs nothing else: styles and pictures are inside."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from parcnet.base import write_text
from parcnet.paper.claims.finding import Finding, Picture
from parcnet.paper.claims.words import LEGEND, about_words, counted_verdicts, figure_table, parts_words, verdict_words

_TEMPLATE = Path(__file__).with_name("page.html")


def write_page(path: Path, findings: Sequence[Finding], about: Mapping[str, Any], folder: Path) -> None:
    """Writes the page; the pictures of the findings lie in `folder`."""
    overview = [
        (
            str(each.number),
            f'<a href="#claim-{each.number}">{escape(each.title)}</a>',
            escape(each.source),
            _badge(each.verdict),
            parts_words(each),
        )
        for each in findings
    ]
    page = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        counts=escape(counted_verdicts(findings)),
        about=escape(about_words(about)),
        overview=_rows(overview),
        legend=escape(LEGEND),
        sections="\n".join(_section(each, folder) for each in findings),
    )
    write_text(path, page)


def _section(finding: Finding, folder: Path) -> str:
    columns, rows = figure_table(finding)
    head = "".join(f"<th>{name}</th>" for name in columns)
    body = _rows(
        [
            _badge(figure.verdict) if name == "verdict" and figure.verdict else escape(cell)
            for name, cell in zip(columns, row, strict=True)
        ]
        for figure, row in zip(finding.figures, rows, strict=True)
    )
    pictures = "\n".join(_figure(each, folder) for each in finding.pictures)
    seeds = ", ".join(map(str, finding.seeds))
    return f"""<section id="claim-{finding.number}">
<h2>{finding.number}. {escape(finding.title)} {_badge(finding.verdict)}</h2>
<blockquote>{escape(finding.claim)} <span class="small">({escape(finding.source)})</span></blockquote>
<p>{escape(finding.experiment)} <span class="small">Seeds {seeds}; {finding.seconds:.0f} s.</span></p>
<div class="scroll"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody></table></div>
<p>{escape(finding.because)}</p>
{pictures}
</section>"""


def _figure(picture: Picture, folder: Path) -> str:
    inline = base64.b64encode((folder / picture.file).read_bytes()).decode("ascii")
    caption = escape(picture.caption)
    return (
        f'<figure><img src="data:image/png;base64,{inline}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    )


def _badge(verdict: str) -> str:
    return f'<span class="verdict {verdict}">{escape(verdict_words(verdict))}</span>'


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
