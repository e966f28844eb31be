"""Images of 32 px with one to three coloured squares; the labels are the colours."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from parcnet.recipes import Augmentation, Data, Network, Optimizer, Recipe, Run, Schedule
from parcnet.tasks.multilabel.recipe import MultiLabelSettings

COLOURS = {"blue": (0, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}
COUNTS = {"train": 48, "val": 16, "test": 17}


def draw(labels, chance) -> Image.Image:
    """A square of each colour, in different quarters of a noisy grey image."""
    pixels = chance.integers(100, 156, (32, 32, 3), dtype=np.uint8)
    for label, quarter in zip(labels, chance.permutation(4), strict=False):
        top, left = 16 * (quarter // 2) + 3, 16 * (quarter % 2) + 3
        pixels[top : top + 10, left : left + 10] = COLOURS[label]
    return Image.fromarray(pixels)


def write_csv(path: Path, rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture(scope="session")
def squares(tmp_path_factory) -> Path:
    """DIR/SPLIT.csv with paths and labels, and the same labels as JSON beside the images in DIR/SPLIT."""
    root = tmp_path_factory.mktemp("multilabel") / "squares"
    chance = np.random.default_rng(0)
    for split, count in COUNTS.items():
        rows = [("path", "labels")]
        for number in range(count):
            labels = sorted(chance.choice(list(COLOURS), number % 4, replace=False).tolist())
            image = root / split / f"{number:02}.png"
            image.parent.mkdir(parents=True, exist_ok=True)
            draw(labels, chance).save(image)
            image.with_suffix(".json").write_text(json.dumps({"labels": labels}))
            rows.append((f"{split}/{image.name}", ";".join(labels)))
        write_csv(root / f"{split}.csv", rows)
    return root


@pytest.fixture
def recipe(squares, tmp_path) -> Callable[..., Recipe]:
    """recipe(output, epochs, **augmentation): parcnetv2_digits on `squares`, 6 steps an epoch."""

    def make(output: str = "run", epochs: int = 2, **augmentation: object) -> Recipe:
        return Recipe(
            name="squares",
            task="multilabel",
            network=Network(img_size=32),
            data=Data(data_dir=str(squares), batch_size=8, workers=0, crop_pct=1.0),
            augmentation=Augmentation(
                **{"scale": (0.9, 1.0), "ratio": (1.0, 1.0), "color_jitter": 0.0, "smoothing": 0.0, **augmentation}
            ),
            optimizer=Optimizer(lr=3e-3),
            schedule=Schedule(epochs=epochs, warmup_epochs=0.5),
            run=Run(device="cpu", output=str(tmp_path / output), threads=1),
            settings=MultiLabelSettings(threshold=0.4),
        )

    return make
