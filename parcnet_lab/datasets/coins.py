"""Coins: a detection data set in four folds, from one photograph of scikit-image labelled by a program."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from parcnet.base import UserError, write_json
from parcnet.data.packaged_images import open_packaged
from parcnet.tasks.detection.coco import encode

FOLDS = 4
LABELS = (
    "pseudo-labels, made by a program and checked by nobody: watershed of the gradient from grey below 30 and above "
    "150, holes filled, connected parts of at least 200 px"
)
COPIES = 16
"""Copies of each training row in an epoch, each augmented anew."""
_DARK, _BRIGHT = 30, 150
_SMALLEST = 200
"""Area in px."""
_ROWS = 4
"""Rows of coins in the photograph, one a fold."""


@dataclass(frozen=True, slots=True)
class Strip:
    """One row of coins: grey uint8 [h, w], and labels [h, w] with 0 for the background."""

    image: NDArray[np.uint8]
    labels: NDArray[np.int64]


def strips() -> list[Strip]:
    """The photograph cut between its rows of coins, so that every coin lies whole in one strip."""
    image, labels = _labelled()
    cuts = [0, *_between_rows(labels), image.shape[0]]
    return [Strip(image[top:bottom], labels[top:bottom]) for top, bottom in pairwise(cuts)]


def make_coco(root: Path, fold: int) -> dict[str, int]:
    """Writes COCO's layout for a fold; returns the coins in each split.

    `test` is row number `fold`, never seen in training; `train` are the other three, each `COPIES` times. `val`, which
    selects the epoch, is the first of these again: selection must not see the held-out row. Raises `UserError`
    without scikit-image.
    """
    if not 0 <= fold < FOLDS:
        raise UserError(f"fold is {fold}; expected 0 to {FOLDS - 1}.")
    rows = strips()
    seen = [number for number in range(_ROWS) if number != fold]
    chosen = {"train": seen, "val": seen[:1], "test": [fold]}
    return {
        split: _write(root, split, {number: rows[number] for number in numbers}, COPIES if split == "train" else 1)
        for split, numbers in chosen.items()
    }


def _write(root: Path, split: str, rows: dict[int, Strip], copies: int) -> int:
    folder = root / split
    folder.mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, strip in rows.items():
        height, width = strip.image.shape
        name = f"row{number}.png"
        Image.fromarray(strip.image).convert("RGB").save(folder / name)
        ids = range(number * copies, (number + 1) * copies)
        images += [{"id": each, "file_name": name, "height": height, "width": width} for each in ids]
        for label in np.unique(strip.labels[strip.labels > 0]).tolist():
            mask = strip.labels == label
            below, beside = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
            x, y = int(beside[0]), int(below[0])
            coin = {
                "category_id": 1,
                "bbox": [x, y, int(beside[-1]) + 1 - x, int(below[-1]) + 1 - y],
                "area": int(mask.sum()),
                "iscrowd": 0,
                "segmentation": encode(mask.astype(np.uint8)),
            }
            numbers = range(len(annotations) + 1, len(annotations) + copies + 1)
            annotations += [{"id": id_, "image_id": each, **coin} for id_, each in zip(numbers, ids, strict=True)]
    content = {
        "info": {"description": f"scikit-image's coins; {LABELS}"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "coin"}],
    }
    write_json(root / f"{split}.json", content)
    return len(annotations) // copies


def _labelled() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    try:
        from scipy.ndimage import binary_fill_holes
        from skimage import filters, measure, segmentation
    except ImportError as error:
        raise UserError(
            f"the coins are labelled with scikit-image, which is missing ({error}): pip install 'parcnet[lab]'."
        ) from None
    with open_packaged("skimage", "data/coins.png") as opened:
        image = np.asarray(opened)
    seeds = np.zeros(image.shape, np.int32)
    seeds[image < _DARK], seeds[image > _BRIGHT] = 1, 2
    filled = binary_fill_holes(segmentation.watershed(filters.sobel(image), seeds) - 1)
    labels = measure.label(filled).astype(np.int64)
    small = [part.label for part in measure.regionprops(labels) if part.area < _SMALLEST]
    labels[np.isin(labels, small)] = 0
    return image, labels


def _between_rows(labels: NDArray[np.int64]) -> list[int]:
    """The middles of the gaps between the rows of coins, from top to bottom: cuts that cross no coin."""
    found: list[int] = []
    rows = [np.nonzero((labels == each).any(1))[0] for each in np.unique(labels[labels > 0])]
    spans = sorted((int(each[0]), int(each[-1])) for each in rows)
    last = spans[0][1]
    for first, end in spans:
        if first > last:
            found.append((first + last + 1) // 2)
        last = max(last, end)
    if len(found) != _ROWS - 1:
        raise UserError(f"the labels of the coins form {len(found) + 1} rows; expected {_ROWS}. Another scikit-image?")
    return found
