"""--dry-run prints the plan of the run that follows."""

import math

import pytest
import torch

from parcnet.base import UserError
from parcnet.training import train
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.dry_run import dry_run, parameter_groups, sampled_learning_rates, sparkline
from parcnet.training.setup.forecast import Forecast
from parcnet.training.setup.prepare import prepare
from parcnet.training.setup.stepper import make_stepper


def prepared(recipe):
    return prepare(recipe, ProcessGroup(), torch.device("cpu"))


def test_it_prints_recipe_groups_schedule_steps_and_time_and_writes_no_run(recipe, tmp_path, capsys):
    before = torch.get_rng_state()
    expected = dry_run(
        recipe(layer_decay=0.5, layer_decay_by="stages", mixup=0.5),
        "parcnet train -c mine.yaml",
        tmp_path / "schedule.png",
    )
    output = capsys.readouterr().out
    for words in ("layer_decay: 0.5", "lr scale", "2 epochs of 3 steps = 6 steps", "learning rate  ", "expected time"):
        assert words in output
    assert "parcnet train -c mine.yaml" in output
    assert expected.steps == 6
    assert 0 < expected.seconds < 600
    assert (tmp_path / "schedule.png").stat().st_size > 5000
    assert not (tmp_path / "run").exists()
    assert torch.equal(torch.get_rng_state(), before)


def test_the_printed_schedule_is_the_one_of_training(recipe):
    settings = recipe(warmup_epochs=0.0)
    setup = prepared(settings)
    epochs, printed = sampled_learning_rates(make_stepper(setup), setup.plan, points=setup.plan.steps)
    assert len(printed) == len(epochs) == 6
    result = train(settings)
    assert result.best.lr in (pytest.approx(printed[2]), pytest.approx(printed[5]))
    expected = [1e-5 + (1e-3 - 1e-5) * (1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]
    assert printed == pytest.approx(expected)


@pytest.mark.parametrize("layer_decay", [None, 0.5])
def test_the_groups_hold_every_parameter_once_and_do_not_decay_vectors(layer_decay, recipe):
    setup = prepared(recipe(layer_decay=layer_decay))
    groups = parameter_groups(make_stepper(setup).optimizer)
    assert sum(numbers for *_, numbers in groups) == setup.parameters
    vectors = sum(each.numel() for each in setup.built.network.parameters() if each.ndim < 2)
    assert sum(numbers for _, decay, _, numbers in groups if decay == 0) == vectors
    assert max(scale for scale, *_ in groups) == 1
    assert (len({scale for scale, *_ in groups}) > 1) == (layer_decay is not None)


def test_it_finds_the_errors_of_training(recipe):
    with pytest.raises(UserError, match="--batch-size 60 or less"):
        dry_run(recipe(batch_size=61), "")


def test_it_refuses_torchrun(recipe, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(UserError, match="without torchrun"):
        dry_run(recipe(), "")


@pytest.mark.parametrize(
    ("workers", "step", "image", "seconds", "input_bound"),
    [
        (0, 1.0, 0.001, 10 * 1.1, False),
        (0, 0.1, 0.01, 10 * 1.1, True),
        (1, 1.0, 0.001, 10 * 1.0, False),
        (1, 0.01, 0.001, 10 * 0.1, True),
    ],
)
def test_workers_read_while_the_device_computes(workers, step, image, seconds, input_bound):
    forecast = Forecast(images=100, step_seconds=step, image_seconds=image, workers=workers, batch=100, steps=10)
    assert forecast.seconds == pytest.approx(seconds)
    assert forecast.input_bound == input_bound


def test_a_sparkline_has_one_character_per_value():
    assert sparkline([0, 0.5, 1]) == "▁▅█"
    assert sparkline([0, 0]) == "▁▁"
