"""Cost of each algorithm against the side of the map."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from parcnet.plots import mpl
from parcnet.plots.figure import BLUE, GREEN, GREY, ORANGE, RED, new_figure, save

_STYLES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (RED, "D"), (GREY, "v"))  # markers differ too


def scaling(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    expected: Mapping[str, tuple[str, float | None, float | None]],
    title: str,
    path: str | Path,
) -> None:
    """Draws milliseconds over map side, both logarithmic, with the expected growth dashed through each curve's end.

    curves     algorithm -> (sides, milliseconds)
    expected   algorithm -> (formula, expected exponent, fitted exponent); None where there is none
    """
    figure = new_figure(7, 4.6)
    axes = figure.subplots()
    for index, (name, (sides, times)) in enumerate(curves.items()):
        color, marker = _STYLES[index % len(_STYLES)]
        formula, exponent, fitted = expected.get(name, ("", None, None))
        label = name if fitted is None else f"{name}: $n^{{{fitted:.2f}}}$ measured"
        if exponent is not None:
            label += f", $n^{{{exponent:.2f}}}$ expected" if formula.endswith("log n") else f", ${formula}$ expected"
            reach = [each for each in sides if each >= sides[-1] / 4]
            line = [times[-1] * (each / sides[-1]) ** exponent for each in reach]
            axes.plot(reach, line, color=color, linestyle=(0, (4, 3)), linewidth=1)
        axes.plot(sides, times, color=color, marker=marker, markersize=5, linewidth=1.6, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    every = sorted({side for sides, _ in curves.values() for side in sides})
    axes.xaxis.set_major_locator(mpl.ticker.FixedLocator(every))
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    axes.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.yaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    axes.set_xlabel("side n of the n x n map (pixels)")
    axes.set_ylabel("time of one call (ms)")
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.25, which="major")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9, title="dashed: expected growth", title_fontsize=9, alignment="left")
    save(figure, path)
