"""One map with axes, units and a colour bar."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from parcnet.plots.panels import Panel, colours


@dataclass(frozen=True, slots=True)
class MapChart:
    """A panel's map with its axes.

    extent   what the left, right, bottom and top edge stand for; None: places from 0 on, and no ticks for an image
    bar      what the colour bar shows, with its unit; empty: no colour bar
    squares  (side, label) of squares drawn around the middle, sides in units of the axes
    """

    panel: Panel
    x_label: str = ""
    y_label: str = ""
    bar: str = ""
    extent: tuple[float, float, float, float] | None = None
    squares: tuple[tuple[float, str], ...] = ()
    stretched: bool = False
    ticks: bool = True
    width: float = 3.0
    height: float = 3.0

    def draw(self, axes: Axes) -> None:
        style: dict[str, Any] = dict(colours(self.panel))
        if self.panel.kind == "image" and self.panel.values.dtype == np.uint8:
            style |= {"vmin": 0, "vmax": 255}
        style["aspect"] = "auto" if self.stretched else "equal"
        drawn = axes.imshow(self.panel.values, interpolation="nearest", extent=self.extent, **style)
        if self.bar:
            shown = axes.figure.colorbar(drawn, ax=axes, fraction=0.045, pad=0.02)
            shown.ax.tick_params(labelsize=7)
            shown.set_label(self.bar, fontsize=7.5)
        for place, (side, label) in enumerate(self.squares):
            self._square(axes, side, label, place)
        if not self.ticks:
            axes.set_xticks([])
            axes.set_yticks([])
        axes.tick_params(labelsize=7)
        axes.set_xlabel(self.x_label, fontsize=8)
        axes.set_ylabel(self.y_label, fontsize=8)
        axes.set_title(self.panel.title, fontsize=8.5, parse_math=False)

    def _square(self, axes: Axes, side: float, label: str, place: int) -> None:
        height, width = self.panel.values.shape[:2]
        low_x, low_y = width // 2 - side / 2, height // 2 - side / 2
        dashes = ("-", "--", "-.", ":")[place % 4]
        axes.add_patch(
            Rectangle((low_x, low_y), side, side, fill=False, edgecolor="black", linewidth=1.1, linestyle=dashes)
        )
        corner = (
            (max(low_x, 0), min(low_x + side, width))[place % 2],
            (max(low_y, 0), min(low_y + side, height))[place // 2 % 2],
        )
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.6}
        align: dict[str, Any] = {"ha": ("left", "right")[place % 2], "va": ("bottom", "top")[place // 2 % 2]}
        axes.annotate(label, corner, fontsize=6.5, bbox=box, **align)


def mosaic(tiles: NDArray[np.floating[Any]], columns: int) -> NDArray[np.floating[Any]]:
    """Tiles [N, H, W], `columns` in a row, an empty (NaN) line between them; each divided by its largest value."""
    scaled = tiles / np.maximum(np.abs(tiles).max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)
    framed = np.pad(scaled, ((0, -len(tiles) % columns), (0, 1), (0, 1)), constant_values=np.nan)
    count, height, width = framed.shape
    grid = framed.reshape(count // columns, columns, height, width).transpose(0, 2, 1, 3)
    return grid.reshape(count // columns * height, columns * width)
