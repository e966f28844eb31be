"""Rows of charts on one sheet, with a caption below."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from parcnet.plots import mpl
from parcnet.plots.charts import Chart
from parcnet.plots.figure import new_figure, save

_CHARACTERS_PER_INCH = 14  # of the caption at 8 pt
_LINE = 0.16  # inches


def sheet(rows: Sequence[Sequence[Chart]], path: str | Path, caption: str = "") -> None:
    """Draws each row from left to right, charts at their own widths and the height of the row's tallest."""
    width = max(sum(chart.width for chart in row) for row in rows)
    heights = [max(chart.height for chart in row) for row in rows]
    lines = textwrap.wrap(caption, int(width * _CHARACTERS_PER_INCH))
    below = _LINE * (len(lines) + 1) if lines else 0.0
    figure = new_figure(width, sum(heights) + below)
    engine = figure.get_layout_engine()
    assert isinstance(engine, mpl.layout_engine.ConstrainedLayoutEngine)
    engine.set(h_pad=0.08)  # keeps titles clear of the row above
    whole = figure.subfigures(len(rows) + 1, 1, height_ratios=[*heights, below or 1e-6], squeeze=False)[:, 0]
    for part, row in zip(whole, rows, strict=False):
        free = width - sum(chart.width for chart in row)
        widths = [chart.width for chart in row] + ([free] if free > 0.01 else [])
        grid = part.subplots(1, len(widths), squeeze=False, width_ratios=widths).ravel()
        for axes, chart in zip(grid, row, strict=False):
            chart.draw(axes)
        for axes in grid[len(row) :]:
            axes.axis("off")
    if lines:
        whole[-1].text(0.01, 0.5, "\n".join(lines), fontsize=8, va="center", parse_math=False)
    save(figure, path)
