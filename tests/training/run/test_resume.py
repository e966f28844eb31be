"""A run that was stopped anywhere resumes: every loss and every weight is bit-equal to the uninterrupted run's."""

import json
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from parcnet import checkpoint
from parcnet.base import UserError, files
from parcnet.tasks.classification.task import ClassificationTask
from parcnet.training import Interrupted, train
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.step import Stepper
from parcnet.training.run import state
from parcnet.training.run.folder import RunFolder
from parcnet.training.run.recorder import RunRecorder
from parcnet.training.run.start import RunStart, run_start
from parcnet.training.run.state_files import read_state, states
from parcnet.training.setup.prepare import prepare
from parcnet.training.setup.recorder import make_recorder
from parcnet.training.setup.stepper import make_stepper
from parcnet_lab.bench.faults import differences

RANDOM = {"mixup": 0.8, "cutmix": 1.0, "reprob": 0.3, "drop_path": 0.3, "ema_decay": 0.9, "clip_grad": 1.0}


class Killed(BaseException):
    """Ends a run as SIGKILL would: nothing of ours runs after it."""


@pytest.fixture
def killed_at(monkeypatch):
    """killed_at(step) kills the run in the middle of the step with that number, from 0."""
    real = Stepper.__call__

    def set_up(step):
        def mortal(self, batch, number):
            if number == step:
                self.network(batch[0][0])
                raise Killed
            return real(self, batch, number)

        monkeypatch.setattr(Stepper, "__call__", mortal)

    return set_up


def whole_and_broken(recipe, tmp_path, steps, killed_at, **fields):
    """Two run folders: one left alone, one killed at each of `steps` and started again."""
    whole, broken = (recipe(output=str(tmp_path / name), **fields) for name in ("whole", "broken"))
    train(whole)
    for step in steps:
        killed_at(step)
        with pytest.raises(Killed):
            train(broken, resume="auto")
    killed_at(None)
    train(broken, resume="auto")
    return Path(whole.run.output), Path(broken.run.output)


@pytest.mark.parametrize(("steps", "save_every"), [((0, 1, 2, 5), 2), ((3, 8, 8), None)], ids=str)
def test_a_run_killed_at_any_step_goes_on_bit_for_bit(steps, save_every, recipe, tmp_path, killed_at):
    fields = {**RANDOM, "epochs": 3, "save_every": save_every}
    whole, broken = whole_and_broken(recipe, tmp_path, steps, killed_at, **fields)
    assert differences(whole, broken) == 0
    assert len((broken / "steps.jsonl").read_text().splitlines()) == 9


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
def test_so_does_every_way_of_training(fields, recipe, tmp_path, killed_at):
    asked = {"epochs": 2, "save_every": 2, "drop_path": 0.0, **fields}
    whole, broken = whole_and_broken(recipe, tmp_path, (4,), killed_at, **asked)
    assert differences(whole, broken) == 0


def test_a_run_killed_in_validation_or_while_writing_goes_on(recipe, tmp_path, monkeypatch):
    def die(*_):
        raise Killed

    whole, broken = (recipe(output=str(tmp_path / name), epochs=2) for name in ("whole", "broken"))
    train(whole)
    places = ((ClassificationTask, "evaluate"), (RunRecorder, "epoch"), (RunRecorder, "_save"), (files.os, "replace"))
    for owner, name in places:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, die)
            with pytest.raises(Killed):
                train(broken, resume="auto")
    train(broken, resume="auto")
    assert differences(Path(whole.run.output), Path(broken.run.output)) == 0
    assert not list(Path(broken.run.output).rglob(".*partial*"))


def stopped_by(monkeypatch, number, step):
    """The process gets this signal in the middle of that step."""
    real = Stepper.__call__

    def signalled(self, batch, at):
        if at == step:
            os.kill(os.getpid(), number)
        return real(self, batch, at)

    monkeypatch.setattr(Stepper, "__call__", signalled)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_the_step_and_says_how_to_go_on(number, code, recipe, tmp_path, monkeypatch):
    whole = recipe(output=str(tmp_path / "whole"))
    train(whole)
    before = signal.getsignal(number)
    monkeypatch.setattr(signal, "signal", signal.signal)
    with monkeypatch.context() as patch:
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
        stopped_by(patch, number, 4)
        with pytest.raises(Interrupted) as stopped:
            train(recipe())
    signal.signal(number, before)
    folder = tmp_path / "run"
    assert stopped.value.code == code
    assert f"parcnet train --resume {folder}" in str(stopped.value)
    assert states(folder)[0].name == "step-00000005.safetensors"  # the step was finished first
    train(recipe(), resume=str(folder))
    assert differences(tmp_path / "whole", folder) == 0


def test_handlers_of_signals_are_put_back(recipe):
    before = signal.getsignal(signal.SIGTERM)
    train(recipe(epochs=1, warmup_epochs=0.0))
    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_the_main_thread_training_works_without_handlers(recipe):
    errors = []

    def work():
        try:
            train(recipe(epochs=1, warmup_epochs=0.0))
        except ValueError as error:  # what Python raises for a handler set there
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=120)
    assert not thread.is_alive()
    assert errors == []


def test_a_second_ctrl_c_ends_at_once_and_names_the_state_before(recipe, monkeypatch, tmp_path):
    real = Stepper.__call__

    def interrupted(self, batch, step):
        if step == 4:
            raise KeyboardInterrupt
        return real(self, batch, step)

    monkeypatch.setattr(Stepper, "__call__", interrupted)
    with pytest.raises(Interrupted, match="step-00000003") as error:
        train(recipe())
    assert error.value.code == 130
    monkeypatch.setattr(Stepper, "__call__", real)
    train(recipe(initial_checkpoint=str(tmp_path / "run"), output=str(tmp_path / "next")))


def damage(path, how):
    content = path.read_bytes()
    path.write_bytes({"truncated": content[:-7], "altered": content[:-9] + b"x" + content[-8:], "empty": b""}[how])


@pytest.mark.parametrize("how", ["truncated", "altered", "empty"])
def test_a_damaged_state_is_refused_by_name_and_auto_takes_the_one_before(how, recipe, run, capsys):
    last, before = states(run)
    damage(last, how)
    with pytest.raises(UserError, match=last.name):
        train(recipe(), resume=str(last))
    with pytest.raises(UserError, match=last.name):
        train(recipe(), resume=str(run))
    train(recipe(save_every=1), resume="auto")
    said = capsys.readouterr()
    assert f"{last} " in said.err
    assert f"resumes from {before}" in said.out


def test_a_damaged_state_names_the_one_before_and_that_one_goes_on(recipe, run, tmp_path):
    last, before = states(run)
    damage(last, "truncated")
    with pytest.raises(UserError, match=rf"--resume {before}"):
        train(recipe(save_every=1), resume=str(run))
    train(recipe(save_every=1, output=str(tmp_path / "whole")))
    train(recipe(save_every=1), resume=str(before))
    assert differences(tmp_path / "whole", run) == 0


def test_going_on_from_an_older_state_takes_the_newer_ones_back(recipe, tmp_path, killed_at):
    """Else the next one written is pruned as older than those, and going on from them leaves a hole in the log."""
    fields = {"epochs": 4, "save_every": 3, "output": str(tmp_path / "run")}
    train(recipe(**fields))
    newest, older = states(tmp_path / "run")
    killed_at(10)
    with pytest.raises(Killed):
        train(recipe(**fields), resume=str(older))
    assert states(tmp_path / "run") == [older]
    assert newest.name == "step-00000012.safetensors"
    killed_at(None)
    train(recipe(**fields), resume="auto")
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / "steps.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 13))


def test_resume_and_another_output_contradict_each_other(recipe, run, tmp_path):
    with pytest.raises(UserError, match=r"--output is .*other, but --resume continues in"):
        train(recipe(output=str(tmp_path / "other")), resume=str(run))


def test_every_rank_names_the_main_ranks_folder(recipe, run):
    """Whoever speaks first tells where the run was saved."""

    class Second(ProcessGroup):
        def from_main(self, content):
            assert content is None
            return next(sent)

    sent = iter((str(run).encode(), b""))
    with run_start(recipe(output=None), None, Second(1, 2)) as start:
        assert start.folder.path == run


def test_when_every_state_is_damaged_nothing_is_thrown_away(recipe, run):
    for each in states(run):
        damage(each, "truncated")
    with pytest.raises(UserError, match=r"every training state in .* is damaged"):
        train(recipe(), resume="auto")
    assert (run / "best.safetensors").exists()


@pytest.mark.parametrize(
    ("resume", "output", "said"),
    [
        ("nowhere", True, "nowhere has no training state"),
        ("auto", False, "--resume auto needs --output"),
    ],
)
def test_a_start_that_is_not_there(resume, output, said, recipe):
    asked = recipe() if output else recipe(output=None)
    with pytest.raises(UserError, match=said):
        train(asked, resume=resume)


def test_auto_never_overwrites_a_run_that_left_no_state(recipe, run):
    for each in states(run):
        each.unlink()
    with pytest.raises(UserError, match="never overwrites"):
        train(recipe(), resume="auto")


def test_a_finished_run_is_finished_again_with_the_same_figures(recipe, run):
    before = json.loads((run / "result.json").read_text())["test"]
    log = (run / "steps.jsonl").read_bytes()
    train(recipe(), resume=str(run))
    assert json.loads((run / "result.json").read_text())["test"] == before
    assert (run / "steps.jsonl").read_bytes() == log


def test_a_full_disk_leaves_the_last_good_state_and_checkpoint(recipe, tmp_path, monkeypatch):
    """From the second epoch on nothing larger than a log line can be written."""
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


def test_two_states_are_kept_and_every_nth_checkpoint_when_asked(recipe, tmp_path):
    train(recipe(epochs=4, save_every=1, keep_every=2))
    folder = tmp_path / "run"
    assert [each.name for each in states(folder)] == ["step-00000012.safetensors", "step-00000011.safetensors"]
    assert [each.name for each in sorted(folder.glob("epoch-*"))] == [
        "epoch-0002.safetensors",
        "epoch-0004.safetensors",
    ]
    assert checkpoint.read_metadata(folder / "epoch-0002.safetensors").epoch == 2


def test_validation_every_other_epoch_and_after_the_last(recipe, tmp_path):
    outcome = train(recipe(epochs=5, eval_every=2))
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["val_top1"] is not None for line in log] == [False, True, False, True, True]
    assert outcome.best.epoch in (2, 4, 5)


def test_a_run_whose_loss_is_not_finite_for_a_moment_goes_on(recipe, tmp_path, monkeypatch, capsys):
    real = Stepper._forward
    steps = []

    def now_and_then(self, images, labels, step, alone=False):
        steps.append(step)
        loss = real(self, images, labels, step, alone)
        return loss * float("nan") if step == 2 else loss

    monkeypatch.setattr(Stepper, "_forward", now_and_then)
    train(recipe())
    lines = [json.loads(line) for line in (tmp_path / "run" / "steps.jsonl").read_text().splitlines()]
    assert [line["updated"] for line in lines] == [True, True, False, True, True, True]
    assert "step 3 changes nothing: its loss is nan (1 in a row)" in capsys.readouterr().err


def test_a_state_of_another_network_says_so(recipe, run):
    """The names of its tensors are those of the network it was made from."""
    setup = prepare(recipe(), ProcessGroup(), torch.device("cpu"))
    other = replace(setup, built=replace(setup.built, network=torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1))))
    start = RunStart(RunFolder(run), read_state(states(run)[0]))
    with pytest.raises(UserError, match="does not fit this run"):
        make_recorder(other, make_stepper(other), start)


def test_a_state_is_read_and_hashed_once(recipe, run, monkeypatch):
    calls = []
    real = state.from_bytes
    monkeypatch.setattr(state, "from_bytes", lambda *given: calls.append(given[2]) or real(*given))
    train(recipe(), resume="auto")
    assert calls == [str(states(run)[0])]


def test_of_two_starts_on_one_folder_the_second_never_touches_the_run(recipe, tmp_path):
    """The lock comes before the look: else the second sees an empty folder, waits, and empties the finished run."""
    folder = tmp_path / "run"
    with run_start(recipe(), None, ProcessGroup()):
        for resume in (None, "auto"):
            with pytest.raises(UserError, match="another run is writing into"):
                train(recipe(), resume=resume)
    assert not folder.exists()  # an unused folder leaves no trace
    train(recipe())
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match="never overwrites"):
        train(recipe())
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
