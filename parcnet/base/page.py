"""Self-contained HTML pages with embedded styles and pictures, in one design."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parcnet.base.files import write_text

_KINDS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".svg": "svg+xml"}


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A picture inside a page."""

    source: str
    """A data: URL."""
    alt: str
    """Alternative text: the finding rather than the colours."""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table inside a page; every row as long as `columns`."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    """Cells: text, which is escaped, or `markupsafe.Markup`, which is not."""


def page_picture(file: Path, alt: str, caption: str = "") -> PagePicture:
    """The picture in `file`, embedded unchanged."""
    inline = base64.b64encode(file.read_bytes()).decode("ascii")
    return PagePicture(f"data:image/{_KINDS[file.suffix.lower()]};base64,{inline}", alt, caption)


def write_page(path: str | Path, template: Path, values: Mapping[str, Any]) -> None:
    """Writes the page that a Jinja template makes of `values`, atomically.

    The template extends page_shell.html, which holds the head and the styles (light, dark, phone, print), and may
    import figure and table from page_parts.html. Text is escaped; a name that the template needs and `values` lacks is
    an error.
    """
    import jinja2  # here: only a page needs it

    folders = [template.parent, Path(__file__).parent]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    write_text(path, environment.get_template(template.name).render(values))
