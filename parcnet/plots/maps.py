"""One map with axes, units and a colour bar."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcnet.plots import mpl
from parcnet.plots.panels import Panel, colours


@dataclass(frozen=True, slots=True)
class MapChart:
    """A panel's map with its axes.

    extent   coordinates of the left, right, bottom and top edge; None: pixel indices from 0
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

    def draw(self, axes: mpl.Axes) -> None:
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
        for axis in (axes.xaxis, axes.yaxis):  # pixels, positions and channels are integers
            whole = mpl.ticker.MaxNLocator("auto", integer=True, min_n_ticks=1)
            axis.set_major_locator(whole if self.ticks else mpl.ticker.NullLocator())
        axes.tick_params(labelsize=7)
        axes.set_xlabel(self.x_label, fontsize=8)
        axes.set_ylabel(self.y_label, fontsize=8)
        axes.set_title(self.panel.title, fontsize=8.5, parse_math=False, pad=18 if self.squares else None)
        if self.squares:  # between title and map: labels at squares of similar size would overlap
            above: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 0.99), "ncols": len(self.squares)}
            axes.legend(fontsize=7, frameon=False, handlelength=2, columnspacing=1, handletextpad=0.4, **above)

    def _square(self, axes: mpl.Axes, side: float, label: str, place: int) -> None:
        height, width = self.panel.values.shape[:2]
        left, top = width // 2 - side / 2, height // 2 - side / 2
        # parts beyond the map are drawn along its edge, to stay visible
        x0, x1 = max(left, -0.5), min(left + side, width - 0.5)
        y0, y1 = max(top, -0.5), min(top + side, height - 0.5)
        # visible on light and on dark pixels
        halo = [mpl.patheffects.Stroke(linewidth=2.6, foreground="white"), mpl.patheffects.Normal()]
        dashes = ("-", "--", "-.", ":")[place % 4]
        style: dict[str, Any] = {"linestyle": dashes, "linewidth": 1.1, "path_effects": halo, "clip_on": False}
        limits = axes.axis()
        axes.plot([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0], color="black", label=label, **style)
        axes.axis(limits)


def mosaic(tiles: NDArray[np.floating[Any]], columns: int) -> NDArray[np.floating[Any]]:
    """Tiles [N, H, W], `columns` in a row, an empty (NaN) line between them; each divided by its largest value."""
    scaled = tiles / np.maximum(np.abs(tiles).max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)
    framed = np.pad(scaled, ((0, -len(tiles) % columns), (0, 1), (0, 1)), constant_values=np.nan)
    count, height, width = framed.shape
    grid = framed.reshape(count // columns, columns, height, width).transpose(0, 2, 1, 3)
    return grid.reshape(count // columns * height, columns * width)
