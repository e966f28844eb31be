import copy
from dataclasses import replace

import pytest
import torch
from timm.layers import DropPath
from torch import nn

from parcnet.data import mixup
from parcnet.recipes import Augmentation, Optimizer, Schedule
from parcnet.tasks.classification.loss import classification_loss
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.image_sizes import side_of
from parcnet.training.loop.precision import autocast_dtype
from parcnet.training.loop.step import Stepper
from parcnet.training.setup.optimizer import create_optimizer, create_schedule
from parcnet.training.setup.weight_averaging import create_average


class Residual(nn.Module):
    """Small, with drop path, so that a step is random."""

    def __init__(self):
        super().__init__()
        self.stem, self.branch, self.head = nn.Conv2d(3, 8, 4, 4), nn.Conv2d(8, 8, 1), nn.Linear(8, 4)
        self.drop_path = DropPath(0.5)

    def forward(self, images):
        x = self.stem(images)
        return self.head((x + self.drop_path(self.branch(x))).mean((2, 3)))


def stepper(augmentation=None, **changes):
    torch.manual_seed(0)
    network, augmentation = Residual(), augmentation or Augmentation()
    optimizer = create_optimizer(network, Optimizer(opt="sgd", lr=0.1, weight_decay=0.0))
    schedule = create_schedule(optimizer, Schedule(epochs=9, warmup_epochs=0), 10)
    loss, mixer = classification_loss(augmentation), mixup(augmentation, 4)
    plain = Stepper(network, optimizer, schedule, loss, torch.device("cpu"), seed=3, mixer=mixer)
    return replace(plain, **changes)


def loss(taking, batch, step=0):
    return taking([batch], step).loss


@pytest.fixture
def batch():
    return torch.randn(8, 3, 8, 8), torch.arange(8) % 4


@pytest.mark.parametrize("augmentation", [Augmentation(), Augmentation(mixup=0.8, cutmix=1.0)], ids=["plain", "mixed"])
def test_a_step_is_a_function_of_seed_and_number_whatever_ran_before(augmentation, batch):
    first, second = stepper(augmentation), stepper(augmentation)
    torch.rand(11)
    losses = [loss(first, (batch[0].clone(), batch[1]), 7)]
    torch.rand(5)
    losses.append(loss(second, (batch[0].clone(), batch[1]), 7))
    assert losses[0] == losses[1]
    for one, other in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("augmentation", [Augmentation(), Augmentation(mixup=0.8, cutmix=1.0)], ids=["plain", "mixed"])
def test_another_step_draws_other_numbers(augmentation, batch):
    assert len({loss(stepper(augmentation), (batch[0].clone(), batch[1]), step) for step in range(5)}) == 5


def test_clipping_bounds_the_gradient_and_nothing_else(batch):
    free, clipped = stepper(), stepper(clip_grad=1e-3)
    taken = [each([batch], 0) for each in (free, clipped)]
    norms = [torch.cat([p.grad.flatten() for p in each.network.parameters()]).norm() for each in (free, clipped)]
    assert taken[0] == taken[1]  # the norm told is that before clipping
    assert taken[0].grad_norm == pytest.approx(float(norms[0]))
    assert norms[0] > 1e-2
    torch.testing.assert_close(norms[1], torch.tensor(1e-3), rtol=1e-2, atol=0)


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_mixed_precision_stays_close_and_keeps_weights_in_fp32(amp, batch):
    exact, mixed = stepper(), stepper(dtype=autocast_dtype(amp))
    assert loss(mixed, batch) == pytest.approx(loss(exact, batch), rel=0.02)
    assert all(parameter.dtype is torch.float32 for parameter in mixed.network.parameters())


def test_fp16_skips_a_step_whose_gradients_overflow(batch):
    trained = stepper(dtype=torch.float16)
    before = copy.deepcopy(trained.network.state_dict())
    for parameter in trained.network.parameters():
        parameter.register_hook(lambda grad: grad * float("inf"))
    taken = trained([batch], 0)
    assert not taken.updated
    assert taken.overflowed  # no fault: the scaler lowers its scale
    assert trained.scaler.get_scale() < 2**16
    for name, value in trained.network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_accumulated_gradients_are_those_of_the_whole_batch(parts, batch):
    whole, split = (stepper(network=network) for network in _twins())
    losses = [whole([batch], 0).loss]
    micro = list(zip(batch[0].chunk(parts), batch[1].chunk(parts), strict=True))
    losses.append(split(micro, 0).loss)
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    for one, other in zip(whole.network.parameters(), split.network.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-7)


def _twins():
    """Two equal networks without randomness: dropout works on micro-batches."""
    torch.manual_seed(0)
    network = Residual()
    network.drop_path = nn.Identity()
    return network, copy.deepcopy(network)


def test_buffers_are_shared_in_one_order_on_every_rank(monkeypatch):
    """Network and average have equal shapes: in another order on another rank each would get the other's statistics."""
    trained = stepper()
    trained.network.norm = nn.BatchNorm2d(3)
    trained.average = create_average(trained.network, 0.9)
    trained.group = ProcessGroup(1, 2)
    given = []
    monkeypatch.setattr("torch.distributed.broadcast", lambda buffer, _: given.append(buffer))
    trained.synchronise()
    expected = [*trained.network.buffers(), *trained.average.module.buffers()]
    assert [id(each) for each in given] == [id(each) for each in expected]


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_step_that_is_not_finite_changes_nothing(where, batch):
    trained = stepper()
    trained.network.norm = nn.BatchNorm2d(3)
    trained.network.forward = lambda images: Residual.forward(trained.network, trained.network.norm(images))
    trained.__post_init__()
    before = copy.deepcopy(trained.network.state_dict())
    if where == "loss":
        batch[0][3, 0, 0, 0] = float("nan")
    else:
        trained.network.head.weight.register_hook(lambda gradient: gradient * float("nan"))
    taken = trained([batch], 0)
    assert not taken.updated
    assert not taken.overflowed
    after = trained.network.state_dict()
    for name in before:
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(after[name], before[name]), name  # BatchNorm's statistics too


def test_multi_scale_steps_draw_their_side_from_seed_and_step():
    drawn = [side_of((64, 160), 3, step) for step in range(200)]
    assert set(drawn) == {64, 96, 128, 160}
    assert drawn == [side_of((64, 160), 3, step) for step in range(200)]
    assert drawn != [side_of((64, 160), 4, step) for step in range(200)]


def test_a_multi_scale_step_shows_the_network_its_side():
    trained = stepper(sizes=(32, 96))
    seen = []
    trained.network.stem.register_forward_pre_hook(lambda _, images: seen.append(tuple(images[0].shape[2:])))
    for step in range(6):
        trained([(torch.randn(4, 3, 96, 96), torch.arange(4))], step)
    assert seen == [(side_of((32, 96), 3, step),) * 2 for step in range(6)]
    assert len(set(seen)) > 1
