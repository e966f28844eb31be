"""Confusion: the matrix for few classes, the most confused pairs for many."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcnet.plots import mpl
from parcnet.plots.figure import RED, new_figure, save, short

_MATRIX_LIMIT = 30  # classes whose names still fit beside a matrix
_NUMBER_LIMIT = 20  # classes whose counts still fit into its cells
_PAIRS = 20


def confusion(matrix: NDArray[np.integer[Any]], classes: Sequence[str], path: str | Path) -> None:
    """Draws counts [true class, predicted class]: a matrix up to 30 classes, beyond that the most confused pairs."""
    (_draw_matrix if len(classes) <= _MATRIX_LIMIT else _draw_pairs)(matrix, classes, path)


def most_confused(matrix: NDArray[np.integer[Any]], limit: int) -> list[tuple[int, int, int]]:
    """The `limit` most frequent errors as (true class, predicted class, count), most frequent first."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
    pairs = [(int(index) // len(wrong), int(index) % len(wrong)) for index in order]
    return [(true, predicted, int(wrong[true, predicted])) for true, predicted in pairs if wrong[true, predicted]]


def _draw_matrix(matrix: NDArray[np.integer[Any]], classes: Sequence[str], path: str | Path) -> None:
    count = len(classes)
    side = 2.6 + 0.34 * max(count, 6)
    figure = new_figure(side + 1, side)
    axes = figure.subplots()
    fraction = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    # the square root lifts rare mistakes out of the background; lightness alone carries the value
    image = axes.imshow(fraction, cmap="Blues", norm=mpl.colors.PowerNorm(0.5, vmin=0, vmax=1))
    figure.colorbar(image, ax=axes, label="fraction of the true class", fraction=0.04)
    names = [short(name) for name in classes]
    rotated = max(map(len, names)) > 3
    axes.set_xticks(range(count), names, rotation=90 if rotated else 0, parse_math=False)
    axes.set_yticks(range(count), names, parse_math=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    correct = int(np.trace(matrix))
    axes.set_title(f"{correct} of {matrix.sum()} correct ({100 * correct / max(matrix.sum(), 1):.2f} %)", fontsize=10)
    if count <= _NUMBER_LIMIT:
        for true, predicted in zip(*np.nonzero(matrix), strict=True):
            ink = "white" if fraction[true, predicted] > 0.4 else "black"
            text = str(matrix[true, predicted])
            axes.text(predicted, true, text, ha="center", va="center", color=ink, fontsize=8)
    save(figure, path)


def _draw_pairs(matrix: NDArray[np.integer[Any]], classes: Sequence[str], path: str | Path) -> None:
    pairs = most_confused(matrix, _PAIRS)
    totals = matrix.sum(axis=1)
    figure = new_figure(9, 1.4 + 0.3 * max(len(pairs), 3))
    axes = figure.subplots()
    axes.barh(range(len(pairs)), [count for _, _, count in pairs], color=RED)
    labels = [f"{short(classes[true])} → {short(classes[predicted])}" for true, predicted, _ in pairs]
    axes.set_yticks(range(len(pairs)), labels, parse_math=False)
    for row, (true, _, count) in enumerate(pairs):
        axes.text(count, row, f" of {totals[true]}", va="center", fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlim(0, None if pairs else 1)
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("images")
    correct = int(np.trace(matrix))
    found = f"the {len(pairs)} most confused pairs" if pairs else "no confusion"
    axes.set_title(
        f"{correct} of {matrix.sum()} correct; {found} (true → predicted), {len(classes)} classes", fontsize=10
    )
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)
