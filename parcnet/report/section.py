"""Sections of a report and their pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from parcnet.base.page import PagePicture, PageTable, page_picture
from parcnet.plots.charts import Chart, charts

_LARGEST = 224  # px of the longer side of an image
_SMALLEST = 128  # px; smaller images are enlarged by an integer factor


@dataclass(frozen=True, slots=True)
class PictureCard:
    """Pictures side by side below a title and a sentence."""

    title: str
    text: str
    pictures: Sequence[PagePicture]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page; its parts appear in the order of the fields."""

    slug: str
    title: str
    text: Sequence[str] = ()
    missing: Sequence[str] = ()
    """What is not shown, with the reason."""
    tables: Sequence[PageTable] = ()
    cards: Sequence[PictureCard] = ()
    pictures: Sequence[PagePicture] = ()
    commands: Sequence[tuple[str, str]] = ()
    """(command, purpose)"""
    listing: str = ""
    """Preformatted text."""


@dataclass(slots=True)
class Album:
    """Draws pictures into a folder for embedding into the page."""

    folder: Path
    _count: int = field(default=0)

    def chart(self, chart: Chart, alt: str, caption: str = "") -> PagePicture:
        """A chart as a separate PNG, narrow enough for a phone."""
        path = self._next(".png")
        charts([chart], path)
        return page_picture(path, alt, caption)

    def photograph(self, image: NDArray[np.uint8], alt: str, caption: str = "") -> PagePicture:
        """A uint8 image [H, W] or [H, W, 3]; large images are shrunk, tiny ones enlarged."""
        shown = Image.fromarray(image)
        factor = -(-_SMALLEST // max(shown.size))
        if factor > 1:
            shown = shown.resize((factor * shown.width, factor * shown.height), Image.Resampling.NEAREST)
        shown.thumbnail((_LARGEST, _LARGEST))
        path = self._next(".png" if factor > 1 else ".jpg")
        shown.save(path, quality=85)
        return page_picture(path, alt, caption)

    def drawn(self, draw: Callable[[Path], object], alt: str, caption: str = "") -> PagePicture:
        """A PNG file that `draw` writes to the path it receives."""
        path = self._next(".png")
        draw(path)
        return page_picture(path, alt, caption)

    def _next(self, suffix: str) -> Path:
        self._count += 1
        return self.folder / f"{self._count}{suffix}"


def first_line(error: Exception) -> str:
    """First line of the error's message, or its type without a message."""
    return next(iter(str(error).splitlines()), type(error).__name__)
