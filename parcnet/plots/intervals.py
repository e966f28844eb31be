"""Differences with their confidence intervals, around a line at zero."""

from collections.abc import Sequence
from dataclasses import dataclass

from parcnet.plots import mpl
from parcnet.plots.figure import BLUE, GREY, RED


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean with its interval, the individual values, and a note on the right."""

    name: str
    mean: float
    low: float
    high: float
    points: Sequence[float] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class IntervalChart:
    """Rows from top to bottom: blue above zero, red below, grey where the interval contains zero."""

    rows: Sequence[Difference]
    x_label: str
    title: str = ""
    width: float = 7.5

    @property
    def height(self) -> float:
        """Inches, by the number of rows."""
        return 1.1 + 0.34 * len(self.rows)

    def draw(self, axes: mpl.Axes) -> None:
        for place, row in enumerate(self.rows):
            color = BLUE if row.low > 0 else RED if row.high < 0 else GREY
            axes.plot([row.low, row.high], [place, place], color=color, linewidth=2.4, solid_capstyle="butt")
            axes.plot(row.points, [place] * len(row.points), "|", color="black", markersize=7, alpha=0.6)
            axes.plot([row.mean], [place], "o", color=color, markersize=6)
            edge = axes.get_yaxis_transform()
            axes.annotate(row.note, (1.01, place), xycoords=edge, annotation_clip=False, va="center", fontsize=8)
        axes.axvline(0, color="black", linewidth=0.9)
        axes.set_yticks(range(len(self.rows)), [row.name for row in self.rows], fontsize=8.5, parse_math=False)
        axes.set_ylim(len(self.rows) - 0.4, -0.6)
        axes.tick_params(axis="x", labelsize=8)
        axes.set_xlabel(self.x_label, fontsize=9)
        axes.set_title(self.title, fontsize=9.5)
        axes.grid(alpha=0.25, axis="x")
        axes.spines[["top", "right"]].set_visible(False)
