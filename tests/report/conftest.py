"""A run folder as `parcnet train` leaves it, made without training, and its page."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from parcnet import checkpoint
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing, open_dataset
from parcnet.models import build
from parcnet.recipes import Data, Recipe
from parcnet.report import Bounds, write_report
from parcnet.training.run.folder import RunFolder
from parcnet_cli.main import main

CLASSES = ("<three> & co", "four")
TINY = Bounds(
    images=30,
    probes=10,
    mistakes=3,
    field_images=2,
    corruptions=("gaussian_noise", "jpeg"),
    severities=(1, 5),
    factors=(0.5, 1.0),
    timing_seconds=0.05,
    optimized=False,
)


@pytest.fixture(scope="session")
def images(tmp_path_factory) -> Path:
    """The digits 3 and 4, twelve PNG files each, in val/ and train/; their class names need escaping."""
    root = tmp_path_factory.mktemp("data") / "digits of two kinds"
    for split in ("train", "val"):
        found = open_dataset(None, split)
        for name, label in zip(CLASSES, (3, 4), strict=True):
            (root / split / name).mkdir(parents=True)
            for number in [each for each in range(len(found)) if found.label(each) == label][:12]:
                found.image(number).save(root / split / name / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Path]:
    """make_run(folder, data, ...) -> a finished run over the images in `data`, or without result.json."""

    def make(folder: Path, data: Path, *, model: str = "parcnetv2_digits", finished: bool = True, **sizes: int) -> Path:
        torch.manual_seed(0)
        arguments = {"num_classes": len(CLASSES), **({"img_size": 32} if model.startswith("parcnet") else {}), **sizes}
        run = RunFolder(folder)
        run.begin(Recipe(name="two", data=Data(data_dir=str(data), batch_size=8, workers=0)))
        preprocessing = Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3, crop_pct=1.0)
        metadata = Metadata(model, arguments, CLASSES, preprocessing.to_dict(), data.name)
        checkpoint.save(run.best, build(model, **arguments).state_dict(), metadata)
        lines = [
            {"epoch": epoch, "train_loss": 2 / epoch, "val_loss": 1 / epoch, "val_top1": epoch / 5, "lr": 1e-3}
            for epoch in (1, 2, 3)
        ]
        run.append(run.log, lines)
        if finished:
            figures = {"top1": 0.6, "top5": 1.0, "loss": 0.7}
            about = {"seconds": 60.0, "machine": "cpu", "best_epoch": 3, "command": "parcnet train", "versions": {}}
            run.finish({**about, "val": figures, "test": None, "images": {"train": 24, "val": 24}})
        return folder

    return make


@pytest.fixture(scope="session")
def page(tmp_path_factory, images, make_run) -> Path:
    """The page of such a run."""
    folder = make_run(tmp_path_factory.mktemp("runs") / "a run", images)
    path = folder.parent / "page.html"
    write_report(folder, path, command="parcnet report 'a run'", bounds=TINY)
    return path


@pytest.fixture
def said(page) -> dict[str, str]:
    """What the sections of the page say, by slug, as HTML."""
    text = page.read_text(encoding="utf-8")
    parts = text.split('<section id="')[1:]
    return {part.partition('"')[0]: part for part in parts}


@pytest.fixture
def parcnet_eval(capsys) -> Callable[[Path, Path], dict]:
    """What `parcnet eval` says of a run."""

    def evaluate(folder: Path, data: Path) -> dict:
        capsys.readouterr()
        assert main(["eval", str(folder), "--data-dir", str(data), "--split", "val", "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return evaluate
