"""Draws the Toeplitz picture of docs/operator.md: `python docs/draw_operator.py docs/images`.

Its numbers are outputs of `oversized_conv2d`: the value of each tap is its index, which impulses read out.
The other pictures of the page are `parcnet paper iccv-figure4` and `iccv-figure5`.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor

from parcnet.ops import oversized_conv2d
from parcnet.plots.figure import BLUE, ORANGE, new_figure, save

_SIDE = 7


def taps_met() -> Tensor:
    """[H, H]: row i, column p holds the number of the tap by which output i weighs input p."""
    taps = torch.arange(2.0 * _SIDE - 1)[None] + 1
    unit = torch.ones(1, 1)
    columns = [oversized_conv2d(torch.eye(_SIDE)[None, None, :, p : p + 1], taps, unit) for p in range(_SIDE)]
    return torch.cat(columns, dim=3)[0, 0] - 1


def draw(folder: Path) -> Path:
    """Writes operator_toeplitz.png; returns its path."""
    matrix = taps_met()
    figure = new_figure(9.2, 4.2)
    windows, toeplitz = figure.subplots(1, 2, width_ratios=(1.35, 1))
    middle = _SIDE - 1
    for output in range(_SIDE):
        for tap in range(2 * _SIDE - 1):
            inside = 0 <= output + tap - middle < _SIDE
            color = ORANGE if tap == middle else BLUE
            windows.barh(
                output, 0.94, left=output + tap - middle - 0.47, height=0.7, color=color, alpha=0.85 if inside else 0.13
            )
        windows.text(
            2 * _SIDE - 0.2, output, f"meets k{middle - output} to k{2 * middle - output}", va="center", fontsize=8
        )
    windows.axvspan(-0.5, _SIDE - 0.5, facecolor="none", edgecolor="black", linewidth=1.5)
    windows.set(xlabel="input row p (the map is framed)", ylabel="output row i", xlim=(-middle - 0.6, 2 * _SIDE + 3.5))
    windows.set_yticks(range(_SIDE))
    windows.set_xticks(range(_SIDE))
    windows.invert_yaxis()
    windows.set_title(f"A kernel of 2H-1 = {2 * _SIDE - 1} taps over a map of H = {_SIDE} rows", fontsize=10)
    windows.spines[["top", "right"]].set_visible(False)
    toeplitz.imshow(matrix, cmap="Blues", vmin=-4, vmax=2 * _SIDE)
    for i in range(_SIDE):
        for p in range(_SIDE):
            toeplitz.text(p, i, f"k{int(matrix[i, p])}", ha="center", va="center", fontsize=9)
    toeplitz.set(xlabel="input row p", ylabel="output row i")
    toeplitz.set_title("The same as a matrix: T[i, p] = k[p-i+H-1]", fontsize=10)
    path = folder / "operator_toeplitz.png"
    save(figure, path)
    return path


if __name__ == "__main__":
    print(draw(Path(sys.argv[1])))
