import copy
from dataclasses import replace

import pytest
import torch
from timm.layers import DropPath
from torch import nn

from parcnet.data import mixup
from parcnet.recipes import Augmentation, Optimizer, Schedule
from parcnet.tasks import training_loss
from parcnet.training.optimisation import create_optimizer, create_schedule
from parcnet.training.step import Stepper, autocast_dtype


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
    loss, mixer = training_loss(augmentation), mixup(augmentation, 4)
    plain = Stepper(network, optimizer, schedule, loss, torch.device("cpu"), seed=3, mixer=mixer)
    return replace(plain, **changes)


@pytest.fixture
def batch():
    return torch.randn(8, 3, 8, 8), torch.arange(8) % 4


@pytest.mark.parametrize("augmentation", [Augmentation(), Augmentation(mixup=0.8, cutmix=1.0)], ids=["plain", "mixed"])
def test_a_step_is_a_function_of_seed_and_number_whatever_ran_before(augmentation, batch):
    first, second = stepper(augmentation), stepper(augmentation)
    torch.rand(11)
    losses = [float(first(batch[0].clone(), batch[1], 7))]
    torch.rand(5)
    losses.append(float(second(batch[0].clone(), batch[1], 7)))
    assert losses[0] == losses[1]
    for one, other in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("augmentation", [Augmentation(), Augmentation(mixup=0.8, cutmix=1.0)], ids=["plain", "mixed"])
def test_another_step_draws_other_numbers(augmentation, batch):
    assert len({float(stepper(augmentation)(batch[0].clone(), batch[1], step)) for step in range(5)}) == 5


def test_clipping_bounds_the_gradient_and_nothing_else(batch):
    free, clipped = stepper(), stepper(clip_grad=1e-3)
    losses = [float(each(*batch, 0)) for each in (free, clipped)]
    norms = [torch.cat([p.grad.flatten() for p in each.network.parameters()]).norm() for each in (free, clipped)]
    assert losses[0] == losses[1]
    assert norms[0] > 1e-2
    torch.testing.assert_close(norms[1], torch.tensor(1e-3), rtol=1e-2, atol=0)


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_mixed_precision_stays_close_and_keeps_weights_in_fp32(amp, batch):
    exact, mixed = stepper(), stepper(dtype=autocast_dtype(amp))
    assert float(mixed(*batch, 0)) == pytest.approx(float(exact(*batch, 0)), rel=0.02)
    assert all(parameter.dtype is torch.float32 for parameter in mixed.network.parameters())


def test_fp16_skips_a_step_whose_gradients_overflow(batch):
    trained = stepper(dtype=torch.float16)
    before = copy.deepcopy(trained.network.state_dict())
    for parameter in trained.network.parameters():
        parameter.register_hook(lambda grad: grad * float("inf"))
    trained(*batch, 0)
    for name, value in trained.network.state_dict().items():
        assert torch.equal(value, before[name])
