"""What a person can get wrong: exit code 2, the mistake and the remedy in words, no traceback, nothing written."""

import shutil
import subprocess
import sys

import pytest
import torch

from parcnet import checkpoint
from parcnet.tasks.classification.task import ClassificationTask


def assert_mistake(said, *words):
    assert said.code == 2
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err


@pytest.fixture
def run_folder(tmp_path):
    folder = tmp_path / "run"
    yield folder
    assert not folder.exists()  # nothing was begun


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data-dir", "nowhere"], ["nowhere", "DIR/train/CLASS"]),
        (["--model", "parcnetv2_tinny"], ["unknown network 'parcnetv2_tinny'", "parcnetv2_tiny"]),
        (["-c", "digit"], ["unknown recipe 'digit'", "Did you mean digits?"]),
        (["-c", "nowhere.yaml"], ["cannot read recipe nowhere.yaml"]),
        (["--epochs", "many"], ["--epochs", "many"]),
        (["--epochs", "0"], ["epochs is 0; expected at least 1"]),
        (["--epochs", "1"], ["warmup_epochs is 3.0; expected 0 or more and less than epochs (1)"]),
        (["--epoch", "3"], ["--epoch"]),
        (["--amp", "fp8"], ["fp8"]),
        (["--lr", "-1"], ["lr is -1.0"]),
        (["--batch-size", "2000"], ["1257 training images", "--batch-size 1256 or less"]),
        (["--device", "abacus"], ["abacus"]),
        (["--img-size", "2"], ["cannot be built with", "img_size is 2"]),
        (["--img-size", "0"], ["img_size is 0; expected at least 1"]),
        (["--auto-augment", "magic"], ["auto_augment", "magic"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("-") else "",
)
def test_train(arguments, words, parcnet, run_folder):
    assert_mistake(parcnet("train", "--output", run_folder, *arguments), *words)


def test_train_on_an_unknown_recipe_key(parcnet, run_folder, tmp_path):
    (tmp_path / "mine.yaml").write_text("optimizer:\n  learningrate: 1\n  lr: 1\n")
    said = parcnet("train", "-c", tmp_path / "mine.yaml", "--output", run_folder)
    assert_mistake(said, "unknown key 'optimizer.learningrate'")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: shutil.rmtree(data / "train"), ["no folder train/"]),
        (lambda data: shutil.rmtree(data / "val"), ["no folder val/"]),
        (lambda data: shutil.rmtree(data / "train" / "3"), ["at least two"]),
        (lambda data: [file.unlink() for file in (data / "train" / "3").iterdir()], ["no images of 3"]),
        (lambda data: (data / "val" / "3").rename(data / "val" / "5"), ["5"]),
    ],
    ids=["no train", "no val", "one class", "an empty class", "a class only in val"],
)
def test_train_on_a_broken_folder(change, words, parcnet, digit_files, run_folder, tmp_path):
    shutil.copytree(digit_files, tmp_path / "data")
    change(tmp_path / "data")
    assert_mistake(parcnet("train", "--data-dir", tmp_path / "data", "--output", run_folder), *words)


def test_train_into_a_folder_that_is_taken(parcnet, trained):
    before = sorted(file.stat().st_mtime_ns for file in trained.iterdir())
    assert_mistake(parcnet("train", "--output", trained), "not empty", "never overwrites")
    assert sorted(file.stat().st_mtime_ns for file in trained.iterdir()) == before


def test_train_into_a_folder_that_cannot_be_made(parcnet):
    assert_mistake(parcnet("train", "--epochs", 1, "--warmup-epochs", 0, "--output", "/proc/foo"), "/proc/foo")


def test_train_until_the_loss_is_not_finite(parcnet, tmp_path):
    explosive = ("--opt", "sgd", "--lr", "1e30", "--epochs", 1, "--warmup-epochs", 0, "--max-skipped-steps", 0)
    said = parcnet("train", *explosive, "--device", "cpu", "--output", tmp_path / "run")
    assert_mistake(said, "the loss is", "step", "--lr", "--clip-grad")


@pytest.mark.parametrize("command", [["eval"], ["predict", "image.png"]], ids=["eval", "predict"])
@pytest.mark.parametrize("kind", ["missing", "text", "pickle", "truncated", "empty folder"])
def test_a_wrong_checkpoint(command, kind, parcnet, trained, tmp_path):
    path = tmp_path / "weights.safetensors"
    match kind:
        case "text":
            path.write_text("not a checkpoint")
        case "pickle":
            torch.save({"weight": torch.zeros(1)}, path)
        case "truncated":
            path.write_bytes((trained / "best.safetensors").read_bytes()[:-100])
        case "empty folder":
            path.mkdir()
    assert_mistake(parcnet(command[0], path, *command[1:]), str(path))


def test_weights_that_are_not_those_of_the_named_network(parcnet, trained, tmp_path):
    read = checkpoint.read(trained)
    weights = {name: value for name, value in read.weights.items() if "stem" not in name}
    checkpoint.save(tmp_path / "other.safetensors", weights, read.metadata)
    assert_mistake(parcnet("eval", tmp_path / "other.safetensors"), "stem.conv.weight")


def test_eval_on_classes_the_checkpoint_does_not_know(parcnet, trained, digit_files, tmp_path):
    shutil.copytree(digit_files, tmp_path / "data")
    (tmp_path / "data" / "val" / "3").rename(tmp_path / "data" / "val" / "three")
    assert_mistake(parcnet("eval", trained, "--data-dir", tmp_path / "data"), "three")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data-dir", "nowhere"], ["nowhere"]),
        (["--split", "all"], ["all"]),
        (["--batch-size", "x"], ["--batch-size"]),
        (["--batch-size", "0"], ["--batch-size is 0; expected at least 1"]),
        (["--workers", "-1"], ["--workers is -1; expected 0 or more"]),
        (["--max-bad-images", "-1"], ["--max-bad-images is -1; expected 0 or more"]),
        (["--confusion", "c.foo"], ["--confusion is 'c.foo'", ".png, "]),
        (["--confusion", "c"], ["--confusion is 'c'", ".png, "]),
    ],
    ids=" ".join,
)
def test_eval(arguments, words, parcnet, trained, monkeypatch):
    monkeypatch.setattr(ClassificationTask, "evaluate", None)  # found before the work
    assert_mistake(parcnet("eval", trained, *arguments), *words)


def test_eval_tells_its_figures_before_a_picture_that_cannot_be_written(parcnet, trained, tmp_path):
    (tmp_path / "file").write_text("")
    said = parcnet("eval", trained, "--confusion", tmp_path / "file" / "c.png")
    assert_mistake(said, str(tmp_path / "file" / "c.png"))
    assert "top-1" in said.out


def test_bench_scaling_into_a_picture_of_no_format(parcnet):
    assert_mistake(parcnet("bench", "scaling", "--plot", "s.foo"), "--plot is 's.foo'", ".png, ")


@pytest.mark.parametrize(("arguments", "words"), [([], ["no image given"]), (["x.png", "-k", "0"], ["-k is 0"])])
def test_predict(arguments, words, parcnet, trained):
    assert_mistake(parcnet("predict", trained, *arguments), *words)


def test_a_checkpoint_of_other_data_wants_a_data_dir(parcnet, trained, tmp_path):
    from dataclasses import replace

    read = checkpoint.read(trained)
    checkpoint.save(tmp_path / "pets.safetensors", read.weights, replace(read.metadata, data="pets"))
    assert_mistake(parcnet("eval", tmp_path / "pets.safetensors"), "trained on 'pets'", "--data-dir")


def test_a_mistake_at_a_real_prompt_has_no_traceback():
    command = [sys.executable, "-m", "parcnet", "train", "--data-dir", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("parcnet: there is no folder nowhere")
