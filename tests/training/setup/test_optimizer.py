import math

import pytest
import timm
import torch
from torch import nn

import parcnet  # noqa: F401 - registers the networks
from parcnet.base import UserError
from parcnet.recipes import Optimizer, Schedule
from parcnet.training.setup.optimizer import create_optimizer, create_schedule


@pytest.fixture
def network():
    return timm.create_model("parcnetv2_digits", img_size=32)


@pytest.mark.parametrize("layer_decay", [None, 0.5])
def test_biases_and_1d_parameters_have_no_weight_decay(network, layer_decay):
    optimizer = create_optimizer(network, Optimizer(weight_decay=0.05, layer_decay=layer_decay))
    seen = 0
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.05 if parameter.ndim > 1 else 0)
            seen += 1
    assert seen == len(list(network.parameters()))


def test_layer_decay_lowers_the_learning_rate_towards_the_stem(network):
    optimizer = create_optimizer(network, Optimizer(lr=1.0, layer_decay=0.5))
    create_schedule(optimizer, Schedule(epochs=10, warmup_epochs=0, min_lr=0), 10).step_update(0)
    rate = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    rates = [rate[id(parameter)] for parameter in network.parameters()]
    assert rates[-1] == 1.0  # the head's bias
    assert rates[0] == min(rates) < 0.3


@pytest.mark.parametrize("layer_decay", [None, 0.5])
def test_the_cosine_schedule_equals_its_formula(network, layer_decay):
    settings = Schedule(epochs=10, warmup_epochs=1.5, warmup_lr=1e-6, min_lr=1e-5, cooldown_epochs=2)
    optimizer = create_optimizer(network, Optimizer(lr=4e-3, layer_decay=layer_decay))
    schedule = create_schedule(optimizer, settings, steps_per_epoch=8)
    for step in range(96):
        schedule.step_update(step)
        if step < 12:
            expected = 1e-6 + (4e-3 - 1e-6) * step / 12
        elif step < 80:
            expected = 1e-5 + (4e-3 - 1e-5) * (1 + math.cos(math.pi * step / 80)) / 2
        else:
            expected = 1e-5
        assert max(group["lr"] for group in optimizer.param_groups) == pytest.approx(expected)


@pytest.mark.parametrize(("power", "layer_decay"), [(1.0, None), (0.9, None)])
def test_the_poly_schedule_equals_its_formula(network, power, layer_decay):
    settings = Schedule(decay="poly", iterations=100, warmup_steps=10, warmup_lr=1e-6, min_lr=0.0, poly_power=power)
    optimizer = create_optimizer(network, Optimizer(lr=1e-4, layer_decay=layer_decay))
    schedule = create_schedule(optimizer, settings, steps_per_epoch=8)
    for step in range(100):
        schedule.step_update(step)
        expected = 1e-6 + (1e-4 - 1e-6) * step / 10 if step < 10 else 1e-4 * (1 - step / 100) ** power
        assert max(group["lr"] for group in optimizer.param_groups) == pytest.approx(expected)


def test_the_step_schedule_drops_after_its_epochs(network):
    settings = Schedule(decay="steps", epochs=12, decay_epochs=(8, 11), warmup_steps=4, warmup_lr=1e-7)
    optimizer = create_optimizer(network, Optimizer(lr=1e-4))
    schedule = create_schedule(optimizer, settings, steps_per_epoch=5)
    found = []
    for step in (4, 39, 40, 54, 55, 59):
        schedule.step_update(step)
        found.append(optimizer.param_groups[0]["lr"])
    assert found == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6])


def test_a_warm_up_as_long_as_the_run_is_refused(network):
    optimizer = create_optimizer(network, Optimizer())
    with pytest.raises(UserError, match="the warm-up has 40 steps, the run 40"):
        create_schedule(optimizer, Schedule(iterations=40, warmup_epochs=5), steps_per_epoch=8)


def test_an_unknown_optimiser_suggests_the_nearest():
    with pytest.raises(UserError, match="Did you mean adamw"):
        create_optimizer(nn.Linear(1, 1), Optimizer(opt="adamww"))


def test_layer_decay_needs_a_group_matcher():
    with pytest.raises(UserError, match="leave layer_decay out"):
        create_optimizer(nn.Linear(1, 1), Optimizer(layer_decay=0.9))


def test_second_order_optimisers_are_refused():
    with pytest.raises(UserError, match="second-order"):
        create_optimizer(nn.Linear(1, 1), Optimizer(opt="adahessian"))


def test_a_timm_optimiser_updates_the_weights():
    layer = nn.Linear(2, 2)
    before = layer.weight.detach().clone()
    layer(torch.ones(1, 2)).sum().backward()
    create_optimizer(layer, Optimizer(opt="lion", lr=0.1)).step()
    assert not torch.equal(layer.weight, before)
