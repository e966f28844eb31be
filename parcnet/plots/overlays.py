"""Images with heat maps overlaid, row by row."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcnet.plots import mpl
from parcnet.plots.figure import new_figure, save, short

_COLORMAP = "inferno"  # safe for colour-blind readers, and monotonic in lightness for print
_CELL = 1.9  # inches


@dataclass(frozen=True, slots=True)
class OverlayRow:
    """A row of the figure: uint8 images [H, W] or [H, W, 3], each under a heat map [H, W] in [0, 1], or none."""

    title: str
    images: Sequence[NDArray[np.uint8]]
    heatmaps: Sequence[NDArray[np.floating[Any]]] = ()
    names: Sequence[str] = ()


def overlay_rows(rows: Sequence[OverlayRow], path: str | Path, caption: str, bar: str) -> None:
    """Draws the rows one below the other, one image per column, with a colour bar labelled `bar` and a caption."""
    columns = max(len(row.images) for row in rows)
    width = _CELL * columns + 1.1
    lines = textwrap.wrap(caption, max(int(width * 14), 30))
    height = _CELL * min(max(rows[0].images[0].shape[0] / rows[0].images[0].shape[1], 0.6), 1.6)
    figure = new_figure(width, (height + 0.3) * len(rows) + 0.17 * (len(lines) + 1))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for line, row in zip(grid, rows, strict=True):
        for place, axes in enumerate(line):
            axes.set_xticks([])
            axes.set_yticks([])
            if place >= len(row.images):
                axes.axis("off")
                continue
            image = row.images[place]
            axes.imshow(overlaid(image, row.heatmaps[place]) if row.heatmaps else image, cmap="gray", vmin=0, vmax=255)
            if row.names:
                axes.set_title(short(row.names[place], 30), fontsize=8, parse_math=False)
        line[0].set_ylabel(short(row.title, 30), fontsize=8.5, parse_math=False)
        if row.heatmaps:
            # a separate mappable: the bar shows the colours without the image below
            scale = mpl.cm.ScalarMappable(mpl.colors.Normalize(0, 1), _COLORMAP)
            shown = figure.colorbar(scale, ax=line[-1], fraction=0.045, pad=0.03)
            shown.ax.tick_params(labelsize=7)
            shown.set_label(bar, fontsize=7.5)
    figure.supxlabel("\n".join(lines), fontsize=8, x=0.01, ha="left", parse_math=False)
    save(figure, path)


def overlaid(image: NDArray[np.uint8], heatmap: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """A uint8 image [H, W] or [H, W, 3] in grey under a heat map [H, W] in [0, 1]: uint8 [H, W, 3]."""
    cover = (0.25 + 0.5 * heatmap)[..., None]
    colours = 255 * mpl.colormaps[_COLORMAP](heatmap)[..., :3]
    return (cover * colours + (1 - cover) * _grey(image)[..., None]).round().astype(np.uint8)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.floating[Any]]:
    """Luma (Rec. 601): colours are reserved for the heat map."""
    return image.astype(float) if image.ndim == 2 else image @ np.array([0.299, 0.587, 0.114])
