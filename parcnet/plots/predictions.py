"""Images with their predicted classes."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parcnet.plots.figure import BLUE, RED, new_figure, save

_COLUMNS = 6


def prediction_grid(
    images: Sequence[NDArray[np.uint8]], titles: Sequence[str], correct: Sequence[bool], path: str | Path
) -> None:
    """Draws uint8 images [H, W] or [H, W, 3], six in a row, each below its title.

    Titles of wrong predictions are red and begin with a cross, those of correct ones are blue: readable without colour.
    """
    if not len(images) == len(titles) == len(correct) or not images:
        raise ValueError(
            f"{len(images)} images, {len(titles)} titles, {len(correct)} verdicts; expected equally many, at least one"
        )
    columns = min(len(images), _COLUMNS)
    rows = ceil(len(images) / columns)
    figure = new_figure(1.9 * columns, 2.3 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, image, title, hit in zip(grid, images, titles, correct, strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        axes.set_title(title if hit else f"✗ {title}", fontsize=9, color=BLUE if hit else RED, parse_math=False)
    save(figure, path)
