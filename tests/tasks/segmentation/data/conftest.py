from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data


@pytest.fixture
def label_folder(tmp_path) -> Callable[..., Path]:
    """label_folder(dark=0, bright=1): a photograph cut into two splits, its pixels labelled by brightness."""

    def make(dark: int = 0, bright: int = 1, classes: str | None = "dark\nbright\n", names=("train", "val")) -> Path:
        root = tmp_path / "coins"
        picture = data.coins()
        labels = np.where(picture > 100, bright, dark).astype(np.uint8)
        for split, rows in zip(names, (slice(0, 200), slice(200, None)), strict=True):
            for folder, values in (("images", picture), ("annotations", labels)):
                path = root / folder / split / "coins.png"
                path.parent.mkdir(parents=True)
                Image.fromarray(values[rows]).save(path)
        if classes is not None:
            (root / "classes.txt").write_text(classes, encoding="utf-8")
        return root

    return make
