"""Images coloured by the class of each pixel, with a legend."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parcnet.plots import mpl
from parcnet.plots.figure import new_figure, save, short

# Okabe and Ito's colours first, safe for colour-blind readers
_FEW = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#000000")
_STRENGTH = 0.55
_GOLDEN = 0.618034
_CELL = 3.2  # inches
_NAMED = 12
"""Maximum number of classes in the legend: those that cover most pixels."""


@dataclass(frozen=True, slots=True)
class SegmentedRow:
    """A uint8 image [H, W, 3] and label maps [H, W] of it, with a title; labels beyond the classes are not coloured."""

    title: str
    image: NDArray[np.uint8]
    maps: Sequence[NDArray[np.integer]]


def segmentation_rows(
    rows: Sequence[SegmentedRow], titles: Sequence[str], classes: Sequence[str], path: str | Path
) -> None:
    """Draws each row's image and its label maps over it, one per column, with a legend of the classes."""
    columns = 1 + len(titles)
    figure = new_figure(_CELL * columns + 1.6, (_CELL * 0.85) * len(rows) + 0.3)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    palette = colours(len(classes))
    for line, row in zip(grid, rows, strict=True):
        shown = [row.image, *(overlaid(row.image, labels, palette) for labels in row.maps)]
        for axes, picture in zip(line, shown, strict=True):
            axes.imshow(picture)
            axes.set_xticks([])
            axes.set_yticks([])
        line[0].set_ylabel(short(row.title, 30), fontsize=8.5, parse_math=False)
    for axes, title in zip(grid[0], ("image", *titles), strict=True):
        axes.set_title(title, fontsize=9.5, parse_math=False)
    named = _largest([labels for row in rows for labels in row.maps], len(classes))
    handles = [mpl.patches.Patch(color=palette[each] / 255, label=short(classes[each], 22)) for each in named]
    legend = figure.legend(handles=handles, loc="outside right center", fontsize=8, frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    save(figure, path)


def overlaid(image: NDArray[np.uint8], labels: NDArray[np.integer], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image [H, W, 3] in grey, pixels coloured by class; those with labels beyond the palette are unchanged."""
    known = labels < len(palette)
    grey = np.repeat((image @ np.array([0.299, 0.587, 0.114]))[..., None], 3, axis=2)
    coloured = (1 - _STRENGTH) * grey + _STRENGTH * palette[np.where(known, labels, 0)]
    return np.where(known[..., None], coloured, image).astype(np.uint8)


def colours(count: int) -> NDArray[np.uint8]:
    """`count` colours [count, 3], fixed by index: hues by the golden ratio beyond the first eight."""
    few = [[int(code[place : place + 2], 16) for place in (1, 3, 5)] for code in _FEW]
    many = [
        [
            255 * part
            for part in colorsys.hsv_to_rgb(place * _GOLDEN % 1, 0.55 + 0.4 * (place % 2), 0.6 + 0.2 * (place % 3))
        ]
        for place in range(max(count - len(few), 0))
    ]
    return np.array([*few, *many], np.float64).round().astype(np.uint8)[:count]


def _largest(maps: Sequence[NDArray[np.integer]], classes: int) -> list[int]:
    """The classes that cover most pixels, in ascending order."""
    counts = sum(np.bincount(labels[labels < classes].ravel(), minlength=classes) for labels in maps)
    most = np.argsort(-np.asarray(counts), kind="stable")[:_NAMED]
    return sorted(int(each) for each in most if np.asarray(counts)[each] > 0)
