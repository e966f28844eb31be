"""Composes docs/images/predictions.png from two pictures of `parcnet predict`, on images held out from training:

    make demo-segmentation                       # runs/photographs/predicted.png
    parcnet bench coins --first 3 --folder runs/coins
    parcnet predict runs/coins/fold3/run runs/coins/fold3/coins/test/row3.png --save coins.png
    python docs/draw_overview.py runs/photographs/predicted.png coins.png docs/images/predictions.png

Pixels are copied and scaled, never drawn: each photograph beside its labels, the legend, and below them the detections.
"""

import sys

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
_GAP = 12
_WIDTH = 1000


def parts(picture: Pixels, axis: int, smallest: int) -> list[Pixels]:
    """The parts of a picture [H, W, 3] between white lines along `axis`, those shorter than `smallest` px left out."""
    inked = (picture < 250).any(axis=(1 - axis, 2))
    edges = np.flatnonzero(np.diff(np.r_[False, inked, False]))
    spans = [(start, end) for start, end in edges.reshape(-1, 2) if end - start >= smallest]
    return [picture.take(range(start, end), axis=axis) for start, end in spans]


def beside(pictures: list[Pixels], gaps: list[int]) -> Pixels:
    """The pictures from left to right, centred, with `gaps` px of white after each."""
    height = max(len(each) for each in pictures)
    columns = []
    for each, gap in zip(pictures, gaps, strict=True):
        column = np.full((height, each.shape[1] + gap, 3), 255, np.uint8)
        top = (height - len(each)) // 2
        column[top : top + len(each), : each.shape[1]] = each
        columns.append(column)
    return np.concatenate(columns, axis=1)


def scaled(picture: Pixels, width: int) -> Pixels:
    """The picture at `width` px."""
    size = (width, round(len(picture) * width / picture.shape[1]))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def legend(picture: Pixels) -> Pixels:
    """What is right of the panels."""
    right = picture[:, round(picture.shape[1] * 0.83) :]
    inked = (right < 250).any(axis=2)
    rows, columns = (np.flatnonzero(inked.any(axis=axis)) for axis in (1, 0))
    return right[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def compose(segmented: Pixels, detected: Pixels) -> Pixels:
    """One picture of `_WIDTH` px."""
    panels = []
    for row in parts(segmented[:, : round(segmented.shape[1] * 0.83)], axis=0, smallest=100):
        panels += parts(row, axis=1, smallest=60)
    gaps = [_GAP // 3 if index % 2 == 0 else _GAP for index in range(len(panels))]
    upper = scaled(beside([*panels, legend(segmented)], [*gaps, 0]), _WIDTH)
    (found,) = parts(max(parts(detected, axis=0, smallest=60), key=len), axis=1, smallest=60)
    lower = scaled(found, _WIDTH)
    return np.concatenate([upper, np.full((_GAP, _WIDTH, 3), 255, np.uint8), lower])


def _read(path: str) -> Pixels:
    return np.asarray(Image.open(path).convert("RGB"))


if __name__ == "__main__":
    segmented, detected, target = sys.argv[1:]
    Image.fromarray(compose(_read(segmented), _read(detected))).save(target, optimize=True)
