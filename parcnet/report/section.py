"""What a page is made of, and the pictures in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from parcnet.base.page import PagePicture, PageTable, page_picture
from parcnet.plots.charts import Chart, charts

_SHOWN = 224  # px of the larger side of a photograph
_ENLARGED = 128  # px to which smaller ones are brought, by whole pixels


@dataclass(frozen=True, slots=True)
class Card:
    """Pictures side by side below a title, with a sentence."""

    title: str
    text: str
    pictures: Sequence[PagePicture]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page, in the order of its fields."""

    slug: str
    title: str
    text: Sequence[str] = ()
    missing: Sequence[str] = ()
    """What is not shown, and why."""
    tables: Sequence[PageTable] = ()
    cards: Sequence[Card] = ()
    pictures: Sequence[PagePicture] = ()
    commands: Sequence[tuple[str, str]] = ()
    """(command, what it does)"""
    listing: str = ""
    """Plain text, kept as it is."""


@dataclass(slots=True)
class Album:
    """Draws pictures into a folder and hands them to the page."""

    folder: Path
    _count: int = field(default=0)

    def chart(self, chart: Chart, alt: str, caption: str = "") -> PagePicture:
        """A chart, as a PNG of its own, so that it fits a phone."""
        path = self._next(".png")
        charts([chart], path)
        return page_picture(path, alt, caption)

    def photograph(self, image: NDArray[np.uint8], alt: str, caption: str = "") -> PagePicture:
        """A uint8 image [H, W] or [H, W, 3]; large ones are made smaller, tiny ones larger."""
        shown = Image.fromarray(image)
        factor = -(-_ENLARGED // max(shown.size))
        if factor > 1:
            shown = shown.resize((factor * shown.width, factor * shown.height), Image.Resampling.NEAREST)
        shown.thumbnail((_SHOWN, _SHOWN))
        path = self._next(".png" if factor > 1 else ".jpg")
        shown.save(path, quality=85)
        return page_picture(path, alt, caption)

    def drawn(self, draw: Callable[[Path], object], alt: str, caption: str = "") -> PagePicture:
        """What `draw` draws into the PNG file that it is given."""
        path = self._next(".png")
        draw(path)
        return page_picture(path, alt, caption)

    def _next(self, suffix: str) -> Path:
        self._count += 1
        return self.folder / f"{self._count}{suffix}"


def first_line(error: Exception) -> str:
    """What went wrong, in a line; its kind, where an error says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)
