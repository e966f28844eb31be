import math

import pytest
import torch

from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.epoch import train_epoch
from parcnet.training.loop.nonfinite import NonFinite
from parcnet.training.loop.progress import Progress
from parcnet.training.loop.step import StepResult

BATCHES = [(torch.empty(0), torch.empty(0))] * 6


class Steps:
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
    monkeypatch.setattr("parcnet.training.loop.epoch.find_origin", lambda *_: "The stem did it.")


def take(stepper, position=None, *, batches=BATCHES, max_skipped=0, accumulation=1):
    """Trains an epoch of as many steps as the batches make; returns the lines it told."""
    told = []
    train_epoch(
        stepper,
        batches,
        position or Progress(),
        steps=len(batches) // accumulation,
        accumulation=accumulation,
        batch_size=8,
        max_skipped=max_skipped,
        step_taken=lambda line, stop: told.append((line, stop)),
    )
    return [line for line, _ in told]


def test_every_step_is_told_and_moves_the_position():
    position = Progress()
    told = take(Steps(*map(float, range(6))), position)
    assert [line.loss for line in told] == position.losses == [0, 1, 2, 3, 4, 5]
    assert [line.step for line in told] == [1, 2, 3, 4, 5, 6]
    assert (position.epoch, position.done) == (0, 6)


def test_a_step_takes_as_many_micro_batches_as_are_accumulated():
    stepper = Steps(1.0, 2.0)
    assert len(take(stepper, accumulation=3)) == 2
    assert stepper.micro_batches == 3


def test_an_epoch_goes_on_in_its_middle_with_the_steps_number():
    position = Progress(epoch=2, done=4, losses=[1.0] * 4)
    told = []
    train_epoch(
        Steps(*[0.5] * 18),
        BATCHES[:2],
        position,
        steps=6,
        accumulation=1,
        batch_size=8,
        max_skipped=0,
        step_taken=lambda line, _: told.append(line.step),
    )
    assert told == [17, 18]
    assert len(position.losses) == 6


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("bound", [0, 1, 3])
def test_more_steps_in_a_row_than_the_bound_stop_and_name_the_first_of_them(bad, bound):
    values = [1.0] + [bad] * 5
    with pytest.raises(NonFinite) as error:
        take(Steps(*values), max_skipped=bound)
    assert error.value.step == 2
    assert error.value.origin == "The stem did it."


def test_a_gradient_that_is_not_finite_counts_and_is_called_so():
    with pytest.raises(NonFinite, match="the gradient is nan at step 3"):
        take(Steps(*[1.0] * 6, norms=[1.0, 1.0, math.nan, 1.0, 1.0, 1.0]))


def test_skipped_steps_below_the_bound_are_named_and_do_not_add_up(capsys):
    position = Progress()
    told = take(Steps(1.0, math.nan, 1.0, math.nan, math.nan, 1.0), position, max_skipped=2)
    assert [line.updated for line in told] == [True, False, True, False, False, True]
    assert [line.loss for line in told] == [1, None, 1, None, None, 1]
    assert position.losses == [1, 1, 1]
    said = capsys.readouterr().err
    assert "step 2 changes nothing: its loss is nan (1 in a row)" in said
    assert "step 5 changes nothing: its loss is nan (2 in a row)" in said
