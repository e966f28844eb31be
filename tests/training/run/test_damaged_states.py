"""Damaged state files are refused, and the state before them is used or suggested."""

import pytest

from parcnet.base import UserError
from parcnet.training import train
from parcnet.training.run.state_files import states
from parcnet_lab.bench.faults import differences


def damage(path, how):
    content = path.read_bytes()
    path.write_bytes({"truncated": content[:-7], "altered": content[:-9] + b"x" + content[-8:], "empty": b""}[how])


@pytest.mark.parametrize("how", ["truncated", "altered", "empty"])
def test_a_damaged_state_is_refused_and_auto_uses_the_one_before(how, recipe, run, capsys):
    last, before = states(run)
    damage(last, how)
    with pytest.raises(UserError, match=last.name):
        train(recipe(), resume=str(last))
    with pytest.raises(UserError, match=last.name):
        train(recipe(), resume=str(run))
    train(recipe(save_every=1), resume="auto")
    output = capsys.readouterr()
    assert f"{last} " in output.err
    assert f"resumes from {before}" in output.out


def test_the_error_suggests_the_state_before_which_resumes_bit_identically(recipe, run, tmp_path):
    last, before = states(run)
    damage(last, "truncated")
    with pytest.raises(UserError, match=rf"--resume {before}"):
        train(recipe(save_every=1), resume=str(run))
    train(recipe(save_every=1, output=str(tmp_path / "whole")))
    train(recipe(save_every=1), resume=str(before))
    assert differences(tmp_path / "whole", run) == 0


def test_when_every_state_is_damaged_nothing_is_overwritten(recipe, run):
    for each in states(run):
        damage(each, "truncated")
    with pytest.raises(UserError, match=r"every training state in .* is damaged"):
        train(recipe(), resume="auto")
    assert (run / "best.safetensors").exists()
