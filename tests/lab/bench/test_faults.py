"""`parcnet bench faults`: training killed with SIGKILL, compared with an uninterrupted run."""

import json
import shutil

import pytest
import torch

from parcnet import checkpoint
from parcnet_lab.bench.faults import differences, lines, measure
from parcnet_lab.bench.results import BenchmarkResult
from parcnet_lab.bench.views import view

MACHINE = {"device": "a CPU", "device_class": "cpu", "threads": 2, "dtype": "fp32"}


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_at_random_steps_ends_as_the_one_left_alone(processes, tmp_path):
    training = ["--epochs", "1", "--warmup-epochs", "0", "--save-every", "5"]
    told = []
    row = measure(training, 2, processes, 0, tmp_path, lambda _, note: told.append(note))
    assert row["kills"] == 2
    assert row["steps"] == 39
    assert row["unequal"] == 0
    assert len(told) == 3


def run_folder(path, loss=1.0, weight=1.0):
    path.mkdir()
    (path / "steps.jsonl").write_text(json.dumps({"step": 1, "loss": loss, "images_per_second": 3.0}) + "\n")
    (path / "log.jsonl").write_text("")
    metadata = checkpoint.Metadata("m", {}, ("a", "b"), {}, "digits")
    for name in ("best", "last"):
        checkpoint.save(path / f"{name}.safetensors", {"w": torch.tensor([weight])}, metadata)
    return path


def test_every_bit_of_a_loss_and_of_a_weight_counts_and_speed_does_not(tmp_path):
    one = run_folder(tmp_path / "one")
    assert differences(one, run_folder(tmp_path / "same")) == 0
    shutil.copytree(one, tmp_path / "faster")
    (tmp_path / "faster" / "steps.jsonl").write_text('{"step": 1, "loss": 1.0, "images_per_second": 9.0}\n')
    assert differences(one, tmp_path / "faster") == 0
    assert differences(one, run_folder(tmp_path / "loss", loss=1.0 + 2**-52)) == 1
    assert differences(one, run_folder(tmp_path / "weight", weight=1.0 + 2**-23)) == 2
    (tmp_path / "same" / "steps.jsonl").write_text("")
    assert differences(one, tmp_path / "same") == 1


def test_a_line_that_is_being_written_is_no_line(tmp_path):
    (tmp_path / "log").write_text('{"step": 1}\n{"st')
    assert lines(tmp_path / "log") == [{"step": 1}]
    assert lines(tmp_path / "absent") == []


def test_the_table_says_how_often_and_how_much_differed():
    row = {"processes": 2, "kills": 30, "steps": 468, "unequal": 0, "seconds_alone": 41.2, "seconds": 300.7}
    result = BenchmarkResult("faults", "parcnet bench faults", MACHINE, {"recipe": "digits"}, [row])
    assert list(view(result).rows) == [("2", "30", "468", "0", "41", "301")]
