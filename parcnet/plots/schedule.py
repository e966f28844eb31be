"""The learning rate schedule of a run."""

from collections.abc import Sequence
from pathlib import Path

from parcnet.plots.figure import BLUE, new_figure, save


def learning_rates(epochs: Sequence[float], rates: Sequence[float], title: str, path: str | Path) -> None:
    """Draws the learning rate over the epochs, on a linear and on a logarithmic axis."""
    figure = new_figure(9, 3.2)
    for axes, scale in zip(figure.subplots(1, 2), ("linear", "log"), strict=True):
        axes.plot(epochs, rates, color=BLUE, linewidth=1.5)
        axes.set_yscale(scale)
        axes.set_xlabel("epoch")
        axes.set_ylabel("learning rate")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    save(figure, path)
