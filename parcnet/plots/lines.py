"""Line charts with a band for the spread over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parcnet.plots import mpl
from parcnet.plots.figure import BLUE, GREEN, GREY, ORANGE, RED

_STYLES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (RED, "D"), (GREY, "v"))  # markers differ too
_MARKS = 30  # approximate number on a curve
_CHARACTERS = 50  # of tick labels that fit without rotation


@dataclass(frozen=True, slots=True)
class Line:
    """Values over `x`; `low` and `high` are the ends of the spread at each x, empty where there is none."""

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class LineChart:
    """Curves by name, each with its own colour and marker, the spread as a band.

    ticks      positions of the ticks on the x axis; empty: matplotlib's choice
    names      tick labels instead of numbers
    baseline   a value and its name, drawn as a dotted line
    from_zero  the y axis begins at 0, so that heights are comparable
    whole      x is a count: ticks at integers only
    y_range    limits of the y axis; None: those of the curves
    """

    curves: Mapping[str, Line]
    x_label: str
    y_label: str
    title: str = ""
    ticks: Sequence[float] = ()
    names: Sequence[str] = ()
    baseline: tuple[float, str] | None = None
    width: float = 4.8
    height: float = 3.4
    from_zero: bool = False
    whole: bool = False
    y_range: tuple[float, float] | None = None

    def draw(self, axes: mpl.Axes) -> None:
        for place, (name, line) in enumerate(self.curves.items()):
            color, marker = _STYLES[place % len(_STYLES)]
            every = max(1, len(line.x) // _MARKS)  # touching markers would hide the curve
            style: dict[str, Any] = {"color": color, "marker": marker, "markersize": 4.5, "linewidth": 1.6}
            style["markevery"] = every
            axes.plot(line.x, line.y, label=name, linestyle="--" if line.dashed else "-", **style)
            if len(line.low):
                axes.fill_between(line.x, line.low, line.high, color=color, alpha=0.18, linewidth=0)
        if self.baseline is not None:
            axes.axhline(self.baseline[0], color="black", linewidth=0.9, linestyle=":", label=self.baseline[1])
        if self.ticks and not self.names:
            axes.xaxis.set_major_locator(mpl.ticker.FixedLocator(self.ticks))
            axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
            axes.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        if self.names:
            rotated = sum(map(len, self.names)) > _CHARACTERS
            axes.set_xticks(self.ticks, self.names, rotation=30 if rotated else 0, ha="right" if rotated else "center")
        if self.whole:
            axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True, min_n_ticks=1))
        if self.from_zero:
            axes.set_ylim(0, 1.08 * axes.dataLim.ymax)
        if self.y_range is not None:
            axes.set_ylim(self.y_range)
        axes.set_xlabel(self.x_label, fontsize=9)
        axes.set_ylabel(self.y_label, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.set_title(self.title, fontsize=9.5)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        if len(self.curves) > 1 or self.baseline is not None:
            axes.legend(frameon=False, fontsize=8)
