import pytest
import torch
from torch import nn

from parcnet import checkpoint
from parcnet.training import train
from parcnet.training.loop.step import Stepper
from parcnet.training.setup.weight_averaging import create_average


def recursion(weights, decay):
    """a_t = d_t a_{t-1} + (1 - d_t) w_t with d_t = min(decay, 1 - t^(-2/3)); independent of w_0."""
    average = 0.0
    for step, weight in enumerate(weights, 1):
        kept = min(decay, 1 - step ** (-2 / 3))
        average = kept * average + (1 - kept) * weight
    return average


@pytest.fixture
def weights_of_each_step(monkeypatch):
    """For each step, name -> float64 values of the trained network."""
    seen = []
    real = Stepper.__call__

    def recording(self, batch, step):
        loss = real(self, batch, step)
        seen.append({name: value.double().clone() for name, value in self.network.state_dict().items()})
        return loss

    monkeypatch.setattr(Stepper, "__call__", recording)
    return seen


@pytest.mark.parametrize("decay", [0.3, 0.9, 0.999])
def test_the_average_equals_its_formula(decay):
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    average = create_average(network, decay)
    trained = []
    for step in range(1, 12):
        for tensor in (*network.parameters(), network[1].running_mean):
            tensor.data.normal_()
        network[1].num_batches_tracked += 1
        average.update(network, step)
        trained.append({name: value.double().clone() for name, value in network.state_dict().items()})
        if step == 1:
            assert all(
                torch.equal(value, network.state_dict()[name]) for name, value in average.module.state_dict().items()
            )
    for name, value in average.module.state_dict().items():
        by_hand = recursion([each[name] for each in trained], decay)
        expected = trained[-1][name] if name.endswith("num_batches_tracked") else by_hand
        torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-6)


def test_checkpoints_hold_the_averaged_weights(recipe, weights_of_each_step):
    folder = train(recipe(ema_decay=0.7)).folder
    last = checkpoint.read(folder.last).weights
    assert len(weights_of_each_step) == 6
    for name, value in last.items():
        expected = recursion([each[name] for each in weights_of_each_step], 0.7)
        torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-6)
    assert not torch.equal(last["head.fc.weight"].double(), weights_of_each_step[-1]["head.fc.weight"])


def test_metrics_are_those_of_the_averaged_weights(recipe):
    result = train(recipe(ema_decay=0.7, epochs=3))
    assert (result.val.top1, result.val.loss) == pytest.approx((result.best.val["top1"], result.best.val["loss"]))


def test_without_averaging_checkpoints_hold_the_trained_weights(recipe, weights_of_each_step):
    last = checkpoint.read(train(recipe()).folder.last).weights
    for name, value in last.items():
        assert torch.equal(value.double(), weights_of_each_step[-1][name])


def test_averaging_does_not_change_training(recipe, tmp_path, weights_of_each_step):
    for name, decay in (("off", None), ("on", 0.9)):
        train(recipe(output=str(tmp_path / name), ema_decay=decay))
    for off, on in zip(weights_of_each_step[:6], weights_of_each_step[6:], strict=True):
        assert all(torch.equal(off[name], on[name]) for name in off)


def test_equal_recipes_give_bit_identical_averages(recipe, tmp_path):
    one, other = (
        checkpoint.read(train(recipe(output=str(tmp_path / name), ema_decay=0.9, mixup=0.5)).folder.last).weights
        for name in ("one", "other")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
