import copy
import math
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
    """A small network with drop path, so that steps are random."""

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


def loss(stepper, batch, step=0):
    return stepper([batch], step).loss


@pytest.fixture
def batch():
    return torch.randn(8, 3, 8, 8), torch.arange(8) % 4


@pytest.mark.parametrize("augmentation", [Augmentation(), Augmentation(mixup=0.8, cutmix=1.0)], ids=["plain", "mixed"])
def test_a_step_depends_only_on_seed_and_step_number(augmentation, batch):
    first, second = stepper(augmentation), stepper(augmentation)
    torch.rand(11)
    losses = [loss(first, (batch[0].clone(), batch[1]), 7)]
    torch.rand(5)
    losses.append(loss(second, (batch[0].clone(), batch[1]), 7))
    assert losses[0] == losses[1]
    for one, other in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("augmentation", [Augmentation(), Augmentation(mixup=0.8, cutmix=1.0)], ids=["plain", "mixed"])
def test_steps_have_different_random_numbers(augmentation, batch):
    assert len({loss(stepper(augmentation), (batch[0].clone(), batch[1]), step) for step in range(5)}) == 5


def test_clipping_limits_the_gradient_norm_and_nothing_else(batch):
    free, clipped = stepper(), stepper(clip_grad=1e-3)
    result = [each([batch], 0) for each in (free, clipped)]
    norms = [torch.cat([p.grad.flatten() for p in each.network.parameters()]).norm() for each in (free, clipped)]
    assert result[0] == result[1]  # the reported norm is that before clipping
    assert result[0].grad_norm == pytest.approx(float(norms[0]))
    assert norms[0] > 1e-2
    torch.testing.assert_close(norms[1], torch.tensor(1e-3), rtol=1e-2, atol=0)


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_mixed_precision_has_a_close_loss_and_fp32_weights(amp, batch):
    exact, mixed = stepper(), stepper(dtype=autocast_dtype(amp))
    assert loss(mixed, batch) == pytest.approx(loss(exact, batch), rel=0.02)
    assert all(parameter.dtype is torch.float32 for parameter in mixed.network.parameters())


def test_fp16_skips_a_step_whose_gradients_overflow(batch):
    trained = stepper(dtype=torch.float16)
    before = copy.deepcopy(trained.network.state_dict())
    for parameter in trained.network.parameters():
        parameter.register_hook(lambda grad: grad * float("inf"))
    result = trained([batch], 0)
    assert not result.updated
    assert result.overflowed  # the scaler lowers its scale
    assert trained.scaler.get_scale() < 2**16
    for name, value in trained.network.state_dict().items():
        assert torch.equal(value, before[name])


def test_step_t_has_the_learning_rate_of_step_t(batch):
    """t < 4: the warm-up t / 4; then the cosine at t of 40."""
    trained = stepper()
    trained.optimizer.param_groups[0].update(momentum=0, nesterov=False)
    trained.schedule = create_schedule(
        trained.optimizer, Schedule(epochs=4, warmup_epochs=0.4, warmup_lr=0.0, min_lr=0.0), 10
    )
    for step in (0, 1, 3, 4, 5, 20, 39):
        lr = 0.1 * step / 4 if step < 4 else 0.1 * (1 + math.cos(math.pi * step / 40)) / 2
        before = trained.network.head.bias.detach().clone()
        trained([batch], step)
        assert trained.lr == pytest.approx(lr)
        moved = before - lr * trained.network.head.bias.grad
        torch.testing.assert_close(trained.network.head.bias.detach(), moved, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_accumulated_gradients_equal_those_of_the_whole_batch(parts, batch):
    whole, split = (stepper(network=network) for network in _twins())
    losses = [whole([batch], 0).loss]
    micro = list(zip(batch[0].chunk(parts), batch[1].chunk(parts), strict=True))
    losses.append(split(micro, 0).loss)
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    for one, other in zip(whole.network.parameters(), split.network.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-7)


def _twins():
    """Two equal networks without drop path, which is random per micro-batch."""
    torch.manual_seed(0)
    network = Residual()
    network.drop_path = nn.Identity()
    return network, copy.deepcopy(network)


def test_buffers_are_broadcast_in_the_same_order_on_every_rank(monkeypatch):
    """Network and average have equal shapes, so in another order their statistics would be swapped."""
    trained = stepper()
    trained.network.norm = nn.BatchNorm2d(3)
    trained.average = create_average(trained.network, 0.9)
    trained.group = ProcessGroup(1, 2)
    broadcast = []
    monkeypatch.setattr("torch.distributed.broadcast", lambda buffer, _: broadcast.append(buffer))
    trained.synchronise()
    expected = [*trained.network.buffers(), *trained.average.module.buffers()]
    assert [id(each) for each in broadcast] == [id(each) for each in expected]


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_step_with_non_finite_numbers_changes_nothing(where, batch):
    trained = stepper()
    trained.network.norm = nn.BatchNorm2d(3)
    trained.network.forward = lambda images: Residual.forward(trained.network, trained.network.norm(images))
    trained.__post_init__()
    before = copy.deepcopy(trained.network.state_dict())
    if where == "loss":
        batch[0][3, 0, 0, 0] = float("nan")
    else:
        trained.network.head.weight.register_hook(lambda gradient: gradient * float("nan"))
    result = trained([batch], 0)
    assert not result.updated
    assert not result.overflowed
    after = trained.network.state_dict()
    for name in before:
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(after[name], before[name]), name  # BatchNorm's statistics too


def test_the_image_size_of_a_step_depends_on_seed_and_step():
    drawn = [side_of((64, 160), 3, step) for step in range(200)]
    assert set(drawn) == {64, 96, 128, 160}
    assert drawn == [side_of((64, 160), 3, step) for step in range(200)]
    assert drawn != [side_of((64, 160), 4, step) for step in range(200)]


def test_a_multi_scale_step_resizes_its_images():
    trained = stepper(sizes=(32, 96))
    seen = []
    trained.network.stem.register_forward_pre_hook(lambda _, images: seen.append(tuple(images[0].shape[2:])))
    for step in range(6):
        trained([(torch.randn(4, 3, 96, 96), torch.arange(4))], step)
    assert seen == [(side_of((32, 96), 3, step),) * 2 for step in range(6)]
    assert len(set(seen)) > 1
