"""Training curves: loss, accuracy and learning rate over the epochs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parcnet.plots import mpl
from parcnet.plots.figure import BLUE, GREEN, GREY, ORANGE, new_figure, save


def training_curves(
    log: Sequence[Mapping[str, Any]],
    path: str | Path,
    chosen: str = "val_top1",
    title: str = "validation top-1 (%)",
) -> None:
    """Draws the lines of log.jsonl: epoch, train_loss, val_loss if there is one, the metric `chosen` in [0, 1], and lr.

    Epochs without validation have None in the fields that begin with val_. The best epoch is marked: the highest
    metric, then the lowest loss.
    """
    figure = new_figure(12, 3.6)
    loss, accuracy, rate = figure.subplots(1, 3)
    epochs = [line["epoch"] for line in log]
    style = {"marker": "o", "markersize": 2.5, "linewidth": 1.5}

    loss.plot(epochs, [line["train_loss"] for line in log], color=BLUE, label="training (augmented)", **style)
    validated = [line for line in log if line[chosen] is not None]
    validated_epochs = [line["epoch"] for line in validated]
    if all("val_loss" in line for line in validated):
        loss.plot(validated_epochs, [line["val_loss"] for line in validated], color=ORANGE, label="validation", **style)
        loss.set_ylabel("loss (cross entropy, nats)")
    else:
        loss.set_ylabel("loss")
    loss.legend(frameon=False)

    percent = [100 * line[chosen] for line in validated]
    best = max(range(len(validated)), key=lambda place: (percent[place], -validated[place].get("val_loss", 0.0)))
    accuracy.plot(validated_epochs, percent, color=GREEN, **style)
    accuracy.scatter([validated_epochs[best]], [percent[best]], s=70, facecolors="none", edgecolors=GREY, zorder=3)
    accuracy.set_title(f"best {percent[best]:.2f} % after epoch {validated_epochs[best]:.0f}", fontsize=10)
    accuracy.set_ylabel(title)

    rate.plot(epochs, [line["lr"] for line in log], color=GREY, **style)
    rate.set_ylabel("learning rate at the epoch's end")

    for axes in (loss, accuracy, rate):
        axes.set_xlabel("epoch")
        axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)
