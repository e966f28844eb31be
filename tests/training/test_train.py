import json
import math
from dataclasses import replace
from importlib import import_module
from itertools import count
from pathlib import Path

import pytest
import torch
from PIL import Image

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.recipes import read_recipe
from parcnet.tasks.classification.task import ClassificationTask
from parcnet.training import Diverged, train
from parcnet.training.loop.step import Stepper


def losses(folder):
    lines = [json.loads(line) for line in (Path(folder) / "log.jsonl").read_text().splitlines()]
    return [(line["train_loss"], line["val_loss"], line["val_top1"]) for line in lines]


@pytest.fixture
def run(recipe, tmp_path):
    """run(name, **fields) trains in a folder of that name and returns the losses."""

    def runs(name, **fields):
        return losses(train(recipe(output=str(tmp_path / name), **fields)).folder.path)

    return runs


def test_a_run_writes_logs_checkpoints_pictures_and_results(recipe, capsys):
    settings = recipe()
    result = train(settings, command="parcnet train --something")
    folder = result.folder.path
    assert {file.name for file in folder.iterdir()} == {
        *("recipe.yaml", "log.jsonl", "steps.jsonl", "result.json", "best.safetensors", "last.safetensors"),
        *("curve.png", "confusion.png", "predictions.png", "states"),
    }
    for picture in folder.glob("*.png"):
        with Image.open(picture) as image:
            assert image.width > 300
    assert read_recipe(folder / "recipe.yaml").schedule == settings.schedule

    first = json.loads((folder / "log.jsonl").read_text().splitlines()[0])
    names = {"epoch", "train_loss", "val_loss", "val_top1", "lr", "seconds", "images_per_second", "waited"}
    assert set(first) == names
    steps = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
    assert [line["step"] for line in steps] == list(range(1, 7))
    assert {"loss", "lr", "grad_norm", "images_per_second", "memory_mb"} <= steps[0].keys()
    assert first["train_loss"] == pytest.approx(sum(line["loss"] for line in steps[:3]) / 3, rel=1e-12)
    saved = json.loads((folder / "result.json").read_text())
    assert saved["images"] == {"train": 60, "val": 24, "test": 24}
    assert saved["command"] == "parcnet train --something"
    assert saved["test"]["top1"] == result.test.top1
    assert {"torch", "timm", "parcnet", "python"} <= set(saved["versions"])

    printed = capsys.readouterr().out
    for word in ("Next:", f"parcnet eval {folder}", f"parcnet predict {folder}", "curve.png", "test"):
        assert word in printed


def test_checkpoints_have_metadata_without_paths(recipe, digits_folder):
    folder = train(recipe()).folder
    metadata = checkpoint.read_metadata(folder.last)
    assert metadata.classes == ("one", "seven", "zero")
    assert (metadata.model, metadata.data, metadata.epoch) == ("parcnetv2_digits", "three_digits", 2)
    assert metadata.metrics["val_top1"] == losses(folder.path)[-1][2]
    assert str(digits_folder.parent) not in metadata.to_json()


def test_equal_recipes_give_bit_identical_losses(run):
    mixing = {"mixup": 0.8, "cutmix": 1.0, "reprob": 0.3, "auto_augment": "rand-m5-mstd0.5"}
    assert run("first", **mixing) == run("second", **mixing)


def test_another_seed_gives_other_losses(run):
    assert run("first") != run("second", seed=1)


def test_global_random_generators_are_restored(recipe):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(recipe(epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_training_lowers_the_loss(run):
    log = run("run", epochs=12, lr=3e-3)
    assert log[-1][0] < 0.75 * log[0][0]
    assert log[-1][2] > 0.6


def test_cooldown_epochs_are_trained(run):
    assert len(run("run", epochs=1, warmup_epochs=0.0, cooldown_epochs=2)) == 3


def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss(recipe, monkeypatch):
    scores = iter([(0.5, 1.0), (0.9, 0.9), (0.9, 0.8), (0.9, 0.85), (0.7, 0.1)])
    real = ClassificationTask.evaluate

    def evaluate(*arguments):
        result = real(*arguments)
        top1, loss = next(scores, (result.top1, result.loss))  # the best checkpoint is evaluated once more at the end
        return type(result)(**{**_fields(result), "top1": top1, "loss": loss})

    monkeypatch.setattr(ClassificationTask, "evaluate", evaluate)
    result = train(recipe(epochs=5))
    assert result.best.epoch == 3
    assert checkpoint.read_metadata(result.folder.best).epoch == 3
    assert checkpoint.read_metadata(result.folder.last).epoch == 5


def _fields(result):
    return {name: getattr(result, name) for name in type(result).__slots__}


def test_the_metrics_are_those_of_the_best_checkpoint(recipe):
    result = train(recipe(epochs=3))
    assert result.val.top1 == result.best.val["top1"]
    assert result.val.loss == pytest.approx(result.best.val["loss"])


def test_without_a_test_split_validation_metrics_are_called_optimistic(recipe, digits_folder, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    for split in ("train", "val"):
        (tmp_path / "data" / split).symlink_to(digits_folder / split)
    result = train(recipe(data_dir=str(tmp_path / "data"), epochs=1))
    assert result.test is None
    assert "optimistic" in capsys.readouterr().out
    assert result.folder.confusion.exists()


def test_a_non_finite_loss_stops_before_anything_is_saved(recipe):
    with pytest.raises(Diverged) as error:
        train(recipe(lr=1e30, warmup_epochs=0.0, opt="sgd", max_skipped_steps=0))
    for word in ("step 2", "--lr", "--clip-grad", "No epoch was finished", "output is not finite is stem."):
        assert word in str(error.value)
    assert not (error.value.args[0].count("best.safetensors"))


def test_the_last_good_checkpoint_survives_divergence(recipe, monkeypatch, tmp_path):
    real = Stepper.__call__

    def diverging(self, batch, step):
        result_of_step = real(self, batch, step)
        return replace(result_of_step, loss=math.nan, updated=False) if step == 4 else result_of_step

    monkeypatch.setattr(Stepper, "__call__", diverging)
    with pytest.raises(Diverged) as error:
        train(recipe(amp="bf16", max_skipped_steps=0))
    last = tmp_path / "run" / "last.safetensors"
    for word in ("at step 5 (epoch 2)", str(last), "after epoch 1 of 2", "--amp none", "log.jsonl"):
        assert word in str(error.value)
    assert checkpoint.read_metadata(last).epoch == 1


def test_the_steps_before_a_divergence_are_logged(recipe, tmp_path, monkeypatch):
    real = Stepper._forward

    def failing(self, images, labels, step, wrapped=True):
        loss = real(self, images, labels, step, wrapped)
        return loss * float("nan") if step == 4 else loss

    monkeypatch.setattr(Stepper, "_forward", failing)
    with pytest.raises(Diverged):
        train(recipe(max_skipped_steps=0, log_every=100))
    assert len((tmp_path / "run" / "steps.jsonl").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("owner", "name", "call", "epoch"),
    [
        (Stepper, "__call__", 3, None),
        (Stepper, "__call__", 5, 1),
        (checkpoint, "save", 1, None),
        (checkpoint, "save", 3, 1),  # the first epoch saved two: last and best
        (import_module("parcnet.training.run.recorder"), "write_state", 2, 1),
        (import_module("parcnet.training.train"), "evaluate_best", 1, 2),
    ],
    ids=[
        "first epoch",
        "second epoch",
        "first checkpoint",
        "second checkpoint",
        "second state",
        "after the last epoch",
    ],
)
def test_errors_of_data_or_disk_name_the_last_checkpoint(owner, name, call, epoch, recipe, monkeypatch, tmp_path):
    calls, real = count(1), getattr(owner, name)

    def failing(*arguments):
        if next(calls) == call:
            raise UserError("the data went away")
        return real(*arguments)

    monkeypatch.setattr(owner, name, failing)
    last = tmp_path / "run" / "last.safetensors"
    kept = "" if epoch is None else f"\nThe last good checkpoint is {last}, after epoch {epoch} of 2."
    with pytest.raises(UserError) as error:
        train(recipe())
    assert str(error.value) == f"the data went away{kept}"
    assert last.exists() == (epoch is not None)
    assert epoch is None or checkpoint.read_metadata(last).epoch == epoch


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"batch_size": 62}, "use --batch-size 60 or less"),
        ({"batch_size": 15, "mixup": 0.5}, "must be even"),
        ({"data_dir": "nowhere"}, "no folder nowhere"),
        ({"device": "abacus"}, "cannot use device 'abacus'"),
        ({"opt": "adamx"}, "unknown optimiser"),
        ({"model": "parcnetv3"}, "unknown network"),
        ({"initial_checkpoint": "nowhere.safetensors"}, "there is no file nowhere.safetensors"),
        ({"auto_augment": "random"}, "auto_augment"),
    ],
)
def test_errors_are_found_before_anything_is_written(fields, message, recipe, tmp_path):
    with pytest.raises(UserError, match=message):
        train(recipe(**fields))
    assert not (tmp_path / "run").exists()


def test_unreadable_images_are_reported_and_tolerated_up_to_the_limit(recipe, digits_folder, tmp_path, capsys):
    import shutil

    shutil.copytree(digits_folder, tmp_path / "data")
    victim = next((tmp_path / "data" / "train" / "one").iterdir())
    victim.write_bytes(victim.read_bytes()[:40])
    fields = {"data_dir": str(tmp_path / "data"), "epochs": 1, "warmup_epochs": 0.0}
    with pytest.raises(UserError, match="--max-bad-images") as error:
        train(recipe(**fields))
    assert str(victim) in str(error.value)
    train(recipe(**fields, max_bad_images=1, output=str(tmp_path / "again")))
    assert str(victim) in capsys.readouterr().err


def test_the_log_has_a_line_per_epoch(recipe):
    settings = recipe()
    result = train(settings)
    log = [json.loads(line) for line in result.folder.log.read_text().splitlines()]
    assert [line["epoch"] for line in log] == [1, 2]
    assert result.best.to_dict() in log
    assert all(line["seconds"] > 0 and 0 <= line["waited"] <= 1 for line in log)
    assert log[-1]["lr"] < settings.optimizer.lr
