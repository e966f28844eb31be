"""How a training run went: loss, accuracy and learning rate over its epochs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.ticker import MaxNLocator

from parcnet.plots.figure import BLUE, GREEN, GREY, ORANGE, new_figure, save


def training_curves(log: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Draws the lines of log.jsonl: epoch, train_loss, val_loss, val_top1 (a share in [0, 1]) and lr.

    Epochs that were not validated have None for val_loss and val_top1. The best epoch is marked: the highest accuracy,
    then the lowest loss.
    """
    figure = new_figure(12, 3.6)
    loss, accuracy, rate = figure.subplots(1, 3)
    epochs = [line["epoch"] for line in log]
    style = {"marker": "o", "markersize": 2.5, "linewidth": 1.5}

    loss.plot(epochs, [line["train_loss"] for line in log], color=BLUE, label="training (augmented)", **style)
    validated = [line for line in log if line["val_top1"] is not None]
    looked = [line["epoch"] for line in validated]
    loss.plot(looked, [line["val_loss"] for line in validated], color=ORANGE, label="validation", **style)
    loss.set_ylabel("loss (cross entropy, nats)")
    loss.legend(frameon=False)

    percent = [100 * line["val_top1"] for line in validated]
    best = max(range(len(validated)), key=lambda place: (percent[place], -validated[place]["val_loss"]))
    accuracy.plot(looked, percent, color=GREEN, **style)
    accuracy.scatter([looked[best]], [percent[best]], s=70, facecolors="none", edgecolors=GREY, zorder=3)
    accuracy.set_title(f"best {percent[best]:.2f} % after epoch {looked[best]:.0f}", fontsize=10)
    accuracy.set_ylabel("validation top-1 (%)")

    rate.plot(epochs, [line["lr"] for line in log], color=GREY, **style)
    rate.set_ylabel("learning rate at the epoch's end")

    for axes in (loss, accuracy, rate):
        axes.set_xlabel("epoch")
        axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)
