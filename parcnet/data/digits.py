"""The embedded dataset: scikit-learn's 1797 handwritten digits of 8 x 8 pixels."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from parcnet.base import UserError

CLASSES = tuple("0123456789")
_SPLIT_SEED = 0  # every published number on the digits depends on it


class Digits:
    """1257 train, 180 val and 360 test images: a fixed split, stratified by class."""

    name = "digits"
    classes = CLASSES

    def __init__(self, split: str, classes: Sequence[str] | None = None) -> None:
        if classes is not None and tuple(classes) != CLASSES:
            raise UserError(f"the digits have the classes {', '.join(CLASSES)}, not {', '.join(classes)}")
        self.split = split
        images, labels = _load()
        chosen = _split(labels.tobytes())[split]
        self._images, self._labels = images[chosen], labels[chosen]

    def __len__(self) -> int:
        return len(self._labels)

    def image(self, index: int) -> Image.Image:
        return Image.fromarray(self._images[index]).convert("RGB")

    def label(self, index: int) -> int:
        return int(self._labels[index])

    def where(self, index: int) -> str:
        return f"digits[{self.split}] {index}"


@cache
def _load() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images [1797, 8, 8] with grey levels rescaled from 0..16 to 0..255, and labels [1797]."""
    from sklearn.datasets import load_digits  # imported here: it takes a second, and only the digits need it

    digits = load_digits()
    return np.rint(digits.images * (255 / 16)).astype(np.uint8), digits.target.astype(np.int64)


@cache
def _split(labels: bytes) -> dict[str, NDArray[np.int64]]:
    from sklearn.model_selection import train_test_split

    digit = np.frombuffer(labels, np.int64)
    rest, test = train_test_split(np.arange(len(digit)), test_size=360, stratify=digit, random_state=_SPLIT_SEED)
    train, val = train_test_split(rest, test_size=180, stratify=digit[rest], random_state=_SPLIT_SEED)
    return {"train": train, "val": val, "test": test}
