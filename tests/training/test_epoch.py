import pytest
import torch

from parcnet.training.epoch import NonFinite, train_epoch


class Losses:
    """A stepper whose loss at step t is given."""

    def __init__(self, *values):
        self.values = values

    def __call__(self, images, labels, step):  # noqa: ARG002
        return torch.tensor(self.values[step])


BATCHES = [(torch.empty(0), torch.empty(0))] * 5


@pytest.mark.parametrize("log_every", [1, 2, 5, 100])
def test_the_mean_loss_and_every_step_are_told_whatever_log_every(log_every):
    told = []
    mean = train_epoch(Losses(1.0, 2.0, 3.0, 4.0, 5.0), BATCHES, 0, log_every, lambda n, loss: told.append((n, loss)))
    assert mean == 3
    assert sum(n for n, _ in told) == 5
    assert sum(n * loss for n, loss in told) == 15


@pytest.mark.parametrize("log_every", [1, 2, 3, 100])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_the_first_loss_that_is_not_finite_is_named_by_its_step(bad, log_every):
    with pytest.raises(NonFinite) as error:
        train_epoch(Losses(*[1.0] * 13, bad, bad), BATCHES, 10, log_every, lambda n, loss: None)  # noqa: ARG005
    assert error.value.step == 14
