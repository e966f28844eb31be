"""Charts side by side in one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from parcnet.plots import mpl
from parcnet.plots.figure import new_figure, save


class Chart(Protocol):
    """An object that draws itself into axes; width and height are in inches."""

    @property
    def width(self) -> float: ...

    @property
    def height(self) -> float: ...

    def draw(self, axes: mpl.Axes) -> None: ...


def charts(shown: Sequence[Chart], path: str | Path) -> None:
    """Draws the charts from left to right, at their own widths and the largest height."""
    widths = [each.width for each in shown]
    figure = new_figure(sum(widths), max(each.height for each in shown))
    grid = figure.subplots(1, len(shown), squeeze=False, width_ratios=widths).ravel()
    for axes, each in zip(grid, shown, strict=True):
        each.draw(axes)
    save(figure, path)
