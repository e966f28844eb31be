import math

import pytest
import torch

from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.epoch import train_epoch
from parcnet.training.loop.nonfinite import NonFinite
from parcnet.training.loop.progress import Progress
from parcnet.training.loop.step import StepResult

BATCHES = [(torch.empty(0), torch.empty(0))] * 6


class FakeStepper:
    """A stepper whose step number t has the loss values[t]."""

    group = ProcessGroup()
    lr = 0.1
    device = torch.device("cpu")

    def __init__(self, *values, norms=None):
        self.values = values
        self.norms = norms or values

    def __call__(self, batch, step):
        self.micro_batches = len(batch)
        loss, norm = self.values[step], self.norms[step]
        return StepResult(loss, norm, math.isfinite(loss) and math.isfinite(norm))


@pytest.fixture(autouse=True)
def _no_diagnosis(monkeypatch):
    monkeypatch.setattr("parcnet.training.loop.epoch.find_origin", lambda *_: "The stem is first.")


def train_batches(stepper, progress=None, *, batches=BATCHES, max_skipped=0, accumulation=1):
    """Trains an epoch of as many steps as the batches allow; returns the log lines."""
    lines = []
    train_epoch(
        stepper,
        batches,
        progress or Progress(),
        steps=len(batches) // accumulation,
        accumulation=accumulation,
        batch_size=8,
        max_skipped=max_skipped,
        step_taken=lambda line, _: lines.append(line),
    )
    return lines


def test_every_step_is_logged_and_updates_the_progress():
    progress = Progress()
    lines = train_batches(FakeStepper(*map(float, range(6))), progress)
    assert [line.loss for line in lines] == progress.losses == [0, 1, 2, 3, 4, 5]
    assert [line.step for line in lines] == [1, 2, 3, 4, 5, 6]
    assert (progress.epoch, progress.done) == (0, 6)


def test_a_step_takes_all_its_micro_batches():
    stepper = FakeStepper(1.0, 2.0)
    assert len(train_batches(stepper, accumulation=3)) == 2
    assert stepper.micro_batches == 3


def test_a_resumed_epoch_continues_its_step_numbers():
    progress = Progress(epoch=2, done=4, losses=[1.0] * 4)
    steps = []
    train_epoch(
        FakeStepper(*[0.5] * 18),
        BATCHES[:2],
        progress,
        steps=6,
        accumulation=1,
        batch_size=8,
        max_skipped=0,
        step_taken=lambda line, _: steps.append(line.step),
    )
    assert steps == [17, 18]
    assert len(progress.losses) == 6


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("bound", [0, 1, 3])
def test_too_many_consecutive_non_finite_steps_raise_and_name_the_first(bad, bound):
    values = [1.0] + [bad] * 5
    with pytest.raises(NonFinite) as error:
        train_batches(FakeStepper(*values), max_skipped=bound)
    assert error.value.step == 2
    assert error.value.origin == "The stem is first."


def test_a_non_finite_gradient_counts_and_is_reported():
    with pytest.raises(NonFinite, match="the gradient is nan at step 3"):
        train_batches(FakeStepper(*[1.0] * 6, norms=[1.0, 1.0, math.nan, 1.0, 1.0, 1.0]))


def test_skipped_steps_are_reported_and_only_consecutive_ones_count(capsys):
    progress = Progress()
    lines = train_batches(FakeStepper(1.0, math.nan, 1.0, math.nan, math.nan, 1.0), progress, max_skipped=2)
    assert [line.updated for line in lines] == [True, False, True, False, False, True]
    assert [line.loss for line in lines] == [1, None, 1, None, None, 1]
    assert progress.losses == [1, 1, 1]
    warnings = capsys.readouterr().err
    assert "step 2 changes nothing: its loss is nan (1 in a row)" in warnings
    assert "step 5 changes nothing: its loss is nan (2 in a row)" in warnings
