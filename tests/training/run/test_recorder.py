"""What a run records: states, checkpoints and logs."""

import json

from parcnet import checkpoint
from parcnet.training import train
from parcnet.training.loop.step import Stepper
from parcnet.training.run.state_files import states


def test_two_states_and_every_nth_checkpoint_are_kept(recipe, tmp_path):
    train(recipe(epochs=4, save_every=1, keep_every=2))
    folder = tmp_path / "run"
    assert [each.name for each in states(folder)] == ["step-00000012.safetensors", "step-00000011.safetensors"]
    assert [each.name for each in sorted(folder.glob("epoch-*"))] == [
        "epoch-0002.safetensors",
        "epoch-0004.safetensors",
    ]
    assert checkpoint.read_metadata(folder / "epoch-0002.safetensors").epoch == 2


def test_validation_every_other_epoch_and_after_the_last(recipe, tmp_path):
    result = train(recipe(epochs=5, eval_every=2))
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["val_top1"] is not None for line in log] == [False, True, False, True, True]
    assert result.best.epoch in (2, 4, 5)


def test_a_single_non_finite_loss_skips_its_step(recipe, tmp_path, monkeypatch, capsys):
    real = Stepper._forward
    steps = []

    def sometimes_nan(self, images, labels, step, wrapped=True):
        steps.append(step)
        loss = real(self, images, labels, step, wrapped)
        return loss * float("nan") if step == 2 else loss

    monkeypatch.setattr(Stepper, "_forward", sometimes_nan)
    train(recipe())
    lines = [json.loads(line) for line in (tmp_path / "run" / "steps.jsonl").read_text().splitlines()]
    assert [line["updated"] for line in lines] == [True, True, False, True, True, True]
    assert "step 3 changes nothing: its loss is nan (1 in a row)" in capsys.readouterr().err
