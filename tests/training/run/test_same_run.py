"""A run resumes only as itself, and says what has changed since."""

import shutil

import pytest

from parcnet.base import UserError
from parcnet.training import train
from parcnet.training.setup import recorder as recorder_setup


@pytest.mark.parametrize(
    ("fields", "said"),
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
def test_another_recipe_is_another_run_and_what_changed_is_named(fields, said, recipe):
    with pytest.raises(UserError) as error:
        train(recipe(**fields), resume="auto")
    assert said in str(error.value)
    assert "--initial-checkpoint" in str(error.value)


@pytest.mark.usefixtures("run")
def test_other_images_and_another_order_of_reading_are_another_run(recipe, digits_folder, tmp_path, monkeypatch):
    shutil.copytree(digits_folder, tmp_path / "data")
    next((tmp_path / "data" / "train" / "one").iterdir()).unlink()
    with pytest.raises(UserError, match=r"images: .*60.* -> .*59"):
        train(recipe(data_dir=str(tmp_path / "data")), resume="auto")
    monkeypatch.setattr(recorder_setup, "_has_own_order", lambda _: True)  # as when wds/DIR became wds/URL
    with pytest.raises(UserError, match=r"own_order: False -> True"):
        train(recipe(), resume="auto")


@pytest.mark.usefixtures("run")
def test_what_changes_rounding_is_said_and_what_changes_nothing_is_not(recipe, capsys):
    capsys.readouterr()
    train(recipe(threads=1, micro_batch=10, max_bad_images=1, log_every=3, save_every=5), resume="auto")
    said = capsys.readouterr().err
    assert "run.threads: None -> 1" in said
    assert "data.micro_batch: None -> 10" in said
    assert "max_bad_images" not in said
