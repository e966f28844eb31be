"""File and folder names that are not UTF-8, from the data to the checkpoint."""

import json
import os
import shutil
from dataclasses import replace

import pytest

from parcnet.base import UserError
from parcnet.checkpoint import read_metadata
from parcnet.recipes import read_recipe
from parcnet.training import train
from parcnet.training.run.folder import run_folder


def test_names_that_are_not_utf_8_survive_training_checkpoints_and_logs(recipe, digits_folder, tmp_path):
    root = os.fsencode(tmp_path) + b"/d\xe9"
    shutil.copytree(os.fsencode(digits_folder), root)
    for folder, _, files in os.walk(root):
        for name in files:
            os.rename(os.path.join(folder, name), os.path.join(folder, b"\xe9" + name))
    train(recipe(data_dir=os.fsdecode(root), epochs=1, warmup_epochs=0), "parcnet train")
    run = tmp_path / "run"
    assert read_metadata(run / "last.safetensors").data == r"d\xe9"
    assert read_recipe(run / "recipe.yaml").data.data_dir == os.fsdecode(root)
    assert json.loads((run / "result.json").read_text(encoding="utf-8"))["images"]["train"] == 60


def test_an_output_that_is_not_utf_8_is_refused_before_any_work(recipe, tmp_path):
    wanted = recipe()
    wanted = replace(wanted, run=replace(wanted.run, output=os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9")))
    with pytest.raises(UserError, match=r"r\\xe9 is not UTF-8, as checkpoints need"):
        run_folder(wanted)


def test_partial_files_of_a_killed_first_write_count_as_nothing(recipe, tmp_path):
    folder = run_folder(recipe())
    (tmp_path / "run").mkdir(parents=True)
    (tmp_path / "run" / ".parcnet-000000-01234567.partial.yaml").write_text("half")
    (tmp_path / "run" / ".0123abcd.partial.yaml").write_text("an earlier version's")
    folder.check_empty()
    folder.truncate({})
    assert list((tmp_path / "run").iterdir()) == []
