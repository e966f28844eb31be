"""A run resumes only with an equivalent recipe; other changes are refused or reported."""

import shutil

import pytest
from PIL import Image

from parcnet.base import UserError
from parcnet.training import train
from parcnet.training.setup import recorder as recorder_setup


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lr": 0.5}, "optimizer.lr: 0.001 -> 0.5"),
        ({"epochs": 9}, "schedule.epochs: 2 -> 9"),
        ({"batch_size": 10}, "data.batch_size: 20 -> 10"),
        ({"seed": 7}, "run.seed: 0 -> 7"),
        ({"opt": "sgd", "mixup": 0.5}, "augmentation.mixup: 0.0 -> 0.5\n  optimizer.opt: 'adamw' -> 'sgd'"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("run")
def test_resuming_with_another_recipe_is_refused_naming_the_changes(fields, message, recipe):
    with pytest.raises(UserError) as error:
        train(recipe(**fields), resume="auto")
    assert message in str(error.value)
    assert "--initial-checkpoint" in str(error.value)


@pytest.mark.usefixtures("run")
def test_resuming_with_other_images_or_another_reading_order_is_refused(recipe, digits_folder, tmp_path, monkeypatch):
    shutil.copytree(digits_folder, tmp_path / "data")
    next((tmp_path / "data" / "train" / "one").iterdir()).unlink()
    with pytest.raises(UserError, match=r"images: .*60.* -> .*59"):
        train(recipe(data_dir=str(tmp_path / "data")), resume="auto")
    monkeypatch.setattr(recorder_setup, "_has_own_order", lambda _: True)  # as when wds/DIR became wds/URL
    with pytest.raises(UserError, match=r"own_order: False -> True"):
        train(recipe(), resume="auto")


def rotated(root):
    for path in root.rglob("*.png"):
        with Image.open(path) as image:
            image.transpose(Image.Transpose.ROTATE_90).save(path)


def exchanged(root):
    for split in ("train", "val", "test"):
        for before, after in (("one", "x"), ("zero", "one"), ("x", "zero")):
            (root / split / before).rename(root / split / after)


def renamed(root):
    for path in root.rglob("*.png"):
        path.rename(path.with_stem(f"{path.stem}-new"))


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("change", "what"),
    [(rotated, "labels or contents"), (exchanged, "labels or contents"), (renamed, "names or sizes")],
)
def test_other_images_of_equal_classes_and_counts_are_another_run(change, what, recipe, digits_folder, tmp_path):
    shutil.copytree(digits_folder, tmp_path / "data")
    train(recipe(data_dir=str(tmp_path / "data")), resume="auto")  # a copy elsewhere is the same data
    change(tmp_path / "data")
    with pytest.raises(UserError, match=rf"data.train: {what} of its images differ"):
        train(recipe(data_dir=str(tmp_path / "data")), resume="auto")


@pytest.mark.usefixtures("run")
def test_only_changes_that_affect_rounding_are_reported(recipe, capsys):
    capsys.readouterr()
    train(recipe(threads=1, micro_batch=10, max_bad_images=1, log_every=3, save_every=5), resume="auto")
    warnings = capsys.readouterr().err
    assert "run.threads: None -> 1" in warnings
    assert "data.micro_batch: None -> 10" in warnings
    assert "max_bad_images" not in warnings
