from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MakeFolder = Callable[..., Path]


@pytest.fixture
def make_folder(tmp_path) -> MakeFolder:
    """make_folder(train={"cat": 2, "dog": 3}, val=...) writes that many images of noise, of differing sizes."""

    def make(**splits: dict[str, int]) -> Path:
        noise = np.random.default_rng(0)
        for split, classes in splits.items():
            for name, count in classes.items():
                folder = tmp_path / "pets" / split / name
                folder.mkdir(parents=True)
                for number in range(count):
                    pixels = noise.integers(0, 256, (20 + number, 30, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / f"{number}.png")
        return tmp_path / "pets"

    return make
