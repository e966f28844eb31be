"""Points of several families, joined by lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parcnet.plots import mpl
from parcnet.plots.figure import BLUE, GREEN, GREY, ORANGE, RED

_STYLES = ((RED, "*"), (BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (GREY, "D"), ("#CC79A7", "v"), ("#56B4E9", "P"))


@dataclass(frozen=True, slots=True)
class ScatterChart:
    """Points (x, y, name) by family, joined in the order of x; each family has its own colour and marker."""

    families: Mapping[str, Sequence[tuple[float, float, str]]]
    x_label: str
    y_label: str
    title: str = ""
    width: float = 5.2
    height: float = 4.2

    def draw(self, axes: mpl.Axes) -> None:
        for place, (family, points) in enumerate(self.families.items()):
            color, marker = _STYLES[place % len(_STYLES)]
            size = 10 if marker == "*" else 6
            ordered = sorted(points)
            xs, ys = [x for x, _, _ in ordered], [y for _, y, _ in ordered]
            axes.plot(xs, ys, color=color, marker=marker, markersize=size, linewidth=1.3, label=family)
            for x, y, name in ordered:
                axes.annotate(name, (x, y), (5, -10), textcoords="offset points", fontsize=7, parse_math=False)
        axes.set_xlabel(self.x_label, fontsize=9)
        axes.set_ylabel(self.y_label, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.set_title(self.title, fontsize=9.5, parse_math=False)
        axes.margins(0.1)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
