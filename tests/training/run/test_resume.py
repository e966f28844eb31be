"""A run that is killed or stopped resumes bit-identically: every loss and weight equals the uninterrupted run's."""

import json
import math
import os
from pathlib import Path

import pytest

from parcnet.base import UserError, files
from parcnet.tasks.classification.task import ClassificationTask
from parcnet.training import train
from parcnet.training.run.recorder import RunRecorder
from parcnet.training.run.state_files import states
from parcnet_lab.bench.faults import differences

RANDOM = {"mixup": 0.8, "cutmix": 1.0, "reprob": 0.3, "drop_path": 0.3, "ema_decay": 0.9, "clip_grad": 1.0}


def whole_and_killed(recipe, tmp_path, steps, killed_at_step, **fields):
    """Two run folders: an uninterrupted run, and one that is killed at each of `steps` and resumed."""
    whole, killed = (recipe(output=str(tmp_path / name), **fields) for name in ("whole", "killed"))
    train(whole)
    for step in steps:
        with killed_at_step(step):
            train(killed, resume="auto")
    train(killed, resume="auto")
    return Path(whole.run.output), Path(killed.run.output)


@pytest.mark.parametrize(("steps", "save_every"), [((0, 1, 2, 5), 2), ((3, 8, 8), None)], ids=str)
def test_a_run_killed_at_any_step_resumes_bit_identically(steps, save_every, recipe, tmp_path, killed_at_step):
    fields = {**RANDOM, "epochs": 3, "save_every": save_every}
    whole, killed = whole_and_killed(recipe, tmp_path, steps, killed_at_step, **fields)
    assert differences(whole, killed) == 0
    assert len((killed / "steps.jsonl").read_text().splitlines()) == 9


def test_every_step_has_its_learning_rate_also_after_resume(recipe, tmp_path, killed_at_step):
    """Three steps of warm-up, then the cosine over six steps and three of cooldown."""
    settings = recipe(lr=0.01, warmup_lr=0.001, min_lr=0.002, warmup_epochs=1.0, cooldown_epochs=1, save_every=1)
    for step in (2, 5):
        with killed_at_step(step):
            train(settings, resume="auto")
    train(settings, resume="auto")
    lines = [json.loads(line) for line in (tmp_path / "run" / "steps.jsonl").read_text().splitlines()]
    warmup = [0.001 + 0.009 * step / 3 for step in range(3)]
    cosine = [0.002 + 0.008 * (1 + math.cos(math.pi * step / 6)) / 2 for step in range(3, 6)]
    assert [line["step"] for line in lines] == list(range(1, 10))
    assert [line["lr"] for line in lines] == pytest.approx([*warmup, *cosine, *[0.002] * 3])


@pytest.mark.parametrize(
    "fields",
    [
        {"micro_batch": 5},
        {"train_sizes": (32, 64)},
        {"amp": "fp16"},
        {"grad_checkpointing": True, "eval_every": 2},
        pytest.param({"amp": "bf16", "workers": 1}, marks=pytest.mark.slow),
        pytest.param({"opt": "nadam"}, marks=pytest.mark.slow),
        pytest.param({"layer_decay": 0.7, "layer_decay_by": "blocks"}, marks=pytest.mark.slow),
        {"model": "mobilenetv3_small_050", "img_size": 32},
    ],
    ids=str,
)
def test_every_training_option_resumes_bit_identically(fields, recipe, tmp_path, killed_at_step):
    options = {"epochs": 2, "save_every": 2, "drop_path": 0.0, **fields}
    whole, killed = whole_and_killed(recipe, tmp_path, (4,), killed_at_step, **options)
    assert differences(whole, killed) == 0


def test_a_run_killed_during_validation_or_writing_resumes_bit_identically(recipe, tmp_path, monkeypatch):
    class Killed(BaseException):
        """As SIGKILL, handled by none of our code."""

    def die(*_):
        raise Killed

    whole, killed = (recipe(output=str(tmp_path / name), epochs=2) for name in ("whole", "killed"))
    train(whole)
    calls = ((ClassificationTask, "evaluate"), (RunRecorder, "epoch"), (RunRecorder, "_save"), (files.os, "replace"))
    for owner, name in calls:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, die)
            with pytest.raises(Killed):
                train(killed, resume="auto")
    train(killed, resume="auto")
    assert differences(Path(whole.run.output), Path(killed.run.output)) == 0
    assert not list(Path(killed.run.output).rglob(".*partial*"))


def test_resuming_from_an_older_state_removes_newer_ones(recipe, tmp_path, killed_at_step):
    """Otherwise the next state would be pruned as the oldest, and resuming would leave a gap in the log."""
    fields = {"epochs": 4, "save_every": 3, "output": str(tmp_path / "run")}
    train(recipe(**fields))
    newest, older = states(tmp_path / "run")
    with killed_at_step(10):
        train(recipe(**fields), resume=str(older))
    assert states(tmp_path / "run") == [older]
    assert newest.name == "step-00000012.safetensors"
    train(recipe(**fields), resume="auto")
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / "steps.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 13))


def test_resuming_a_finished_run_gives_the_same_metrics(recipe, run):
    before = json.loads((run / "result.json").read_text())["test"]
    log = (run / "steps.jsonl").read_bytes()
    train(recipe(), resume=str(run))
    assert json.loads((run / "result.json").read_text())["test"] == before
    assert (run / "steps.jsonl").read_bytes() == log


def test_a_full_disk_keeps_the_last_good_state_and_checkpoint(recipe, tmp_path, monkeypatch):
    """From the second epoch, nothing larger than a log line can be written."""
    import errno

    folder = tmp_path / "run"
    real = files.os.fsync

    def full(descriptor):
        if (folder / "last.safetensors").exists() and os.fstat(descriptor).st_size > 10_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor)

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device") as error:
        train(recipe(epochs=4))
    assert "Free some space" in str(error.value)
    monkeypatch.setattr(files.os, "fsync", real)
    assert [each.name for each in states(folder)] == ["step-00000003.safetensors"]
    assert not list(folder.rglob(".*partial*"))
    whole = recipe(epochs=4, output=str(tmp_path / "whole"))
    train(whole)
    train(recipe(epochs=4), resume="auto")
    assert differences(tmp_path / "whole", folder) == 0
