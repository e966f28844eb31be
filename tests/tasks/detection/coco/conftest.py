import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

MakeCoco = Callable[..., Path]


@pytest.fixture
def make_coco(tmp_path) -> MakeCoco:
    """make_coco(entries, sizes=((60, 80), ...)) writes DIR/train.json and DIR/train/NUMBER.png."""

    def make(entries: list[Any], sizes: tuple[tuple[int, int], ...] = ((60, 80),), **changes: Any) -> Path:
        folder = tmp_path / "dataset" / "train"
        folder.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(0)
        for number, (height, width) in enumerate(sizes):
            Image.fromarray(noise.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(folder / f"{number}.png")
        content = {
            "images": [
                {"id": number, "file_name": f"{number}.png", "height": height, "width": width}
                for number, (height, width) in enumerate(sizes)
            ],
            "annotations": entries,
            "categories": [{"id": 7, "name": "cup"}, {"id": 1, "name": "ball"}],
        }
        (tmp_path / "dataset" / "train.json").write_text(json.dumps({**content, **changes}))
        return tmp_path / "dataset"

    return make
