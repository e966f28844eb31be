"""Images with detected objects: boxes, masks, names."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcnet.plots import mpl
from parcnet.plots.figure import BLUE, GREEN, ORANGE, RED, new_figure, save, short

_COLOURS = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9", "#F0E442")
"""Okabe and Ito's colours, safe for colour-blind readers. Each class is named as well."""
_COLUMNS = 2
_INCHES = 5.0
_COVER = 0.45
_MOST_NAMES = 40
"""Maximum number of objects per image that are named; more names would cover it."""


@dataclass(frozen=True, slots=True)
class DrawnInstances:
    """The objects drawn over one image, in its pixels."""

    boxes: Sequence[tuple[float, float, float, float]]
    """x1, y1, x2, y2."""
    masks: NDArray[np.bool_]
    """[N, H, W]"""
    names: Sequence[str]
    scores: Sequence[float]
    kinds: Sequence[int]
    """Class indices, which set the colours."""

    def __len__(self) -> int:
        return len(self.boxes)


def draw_instances(
    pictures: Sequence[tuple[NDArray[np.uint8], DrawnInstances]], path: str | Path, titles: Sequence[str] = ()
) -> None:
    """Draws uint8 images [H, W, 3], two in a row, with boxes, masks, and names with scores at the boxes' corners."""
    columns = min(len(pictures), _COLUMNS)
    rows = ceil(len(pictures) / columns)
    aspect = max(image.shape[0] / image.shape[1] for image, _ in pictures)
    figure = new_figure(_INCHES * columns, min(_INCHES * aspect, 2.5 * _INCHES) * rows + 0.3 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for place, (axes, (image, found)) in enumerate(zip(grid, pictures, strict=False)):
        axes.imshow(covered(image, found))
        for box, name, score, kind in zip(found.boxes, found.names, found.scores, found.kinds, strict=True):
            _frame(axes, box, f"{short(name)} {score:.2f}" if len(found) <= _MOST_NAMES else "", kind)
        title = titles[place] if titles else f"{len(found)} detected"
        axes.set_title(title, fontsize=9, parse_math=False)
    save(figure, path)


def covered(image: NDArray[np.uint8], found: DrawnInstances) -> NDArray[np.uint8]:
    """The image [H, W, 3] with every mask overlaid in the colour of its class, higher scores on top."""
    mixed = image.astype(np.float32)
    for mask, kind in zip(found.masks[::-1], list(found.kinds)[::-1], strict=True):
        colour = np.array([int(_colour(kind)[at : at + 2], 16) for at in (1, 3, 5)], np.float32)
        mixed[mask] = (1 - _COVER) * image[mask] + _COVER * colour
    return mixed.round().astype(np.uint8)


def _frame(axes: Any, box: tuple[float, float, float, float], text: str, kind: int) -> None:
    x1, y1, x2, y2 = box
    style = {"fill": False, "edgecolor": _colour(kind), "linewidth": 1.2}
    axes.add_patch(mpl.patches.Rectangle((x1, y1), x2 - x1, y2 - y1, **style))
    if text:
        background = {"facecolor": "black", "alpha": 0.6, "pad": 0.8, "linewidth": 0}
        axes.text(x1, y1, text, fontsize=6, color="white", va="bottom", bbox=background, parse_math=False, clip_on=True)


def _colour(kind: int) -> str:
    return _COLOURS[kind % len(_COLOURS)]
