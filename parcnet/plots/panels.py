"""Maps side by side, each with its own colour scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcnet.plots.figure import RED, new_figure, save


@dataclass(frozen=True, slots=True)
class Panel:
    """A map [H, W] below its title.

    kind    "image": grey levels; "signed": blue below 0, red above, symmetric about 0;
            "amount": light for 0, dark for `top` (None: the map's maximum)
    mark    a (row, column) to circle
    """

    title: str
    values: NDArray[np.floating[Any]] | NDArray[np.uint8]
    kind: str = "image"
    top: float | None = None
    mark: tuple[float, float] | None = None


def panels(shown: Sequence[Panel], columns: int, path: str | Path, size: float = 2.1) -> None:
    """Draws `columns` maps a row, each about `size` inches wide; maps other than images have a colour bar."""
    rows = ceil(len(shown) / columns)
    figure = new_figure(size * columns + 0.4, (size + 0.35) * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_xticks([])
        axes.set_yticks([])
    for axes in grid[len(shown) :]:
        axes.axis("off")
    for axes, panel in zip(grid, shown, strict=False):
        drawn = axes.imshow(panel.values, interpolation="nearest", **colours(panel))
        axes.set_title(panel.title, fontsize=8.5, parse_math=False)
        if panel.kind != "image":
            bar = figure.colorbar(drawn, ax=axes, fraction=0.045, pad=0.02)
            bar.ax.tick_params(labelsize=7)
        if panel.mark is not None:
            row, column = panel.mark
            axes.plot([column], [row], "o", markersize=8, markerfacecolor="none", markeredgecolor=RED)
    save(figure, path)


def colours(panel: Panel) -> dict[str, Any]:
    """imshow's arguments for the kind of map."""
    if panel.kind == "image":
        return {"cmap": "gray"}
    top = panel.top if panel.top is not None else float(np.abs(panel.values).max()) or 1.0
    if panel.kind == "signed":
        return {"cmap": "RdBu_r", "vmin": -top, "vmax": top}
    if panel.kind == "amount":
        return {"cmap": "Blues", "vmin": 0.0, "vmax": top}
    raise ValueError(f"a panel is 'image', 'signed' or 'amount', got {panel.kind!r}")
