import json

import pytest
import torch
from torch import nn

from parcnet.base import UserError
from parcnet.recipes import Optimizer
from parcnet.training.run.optimizer_state import pack, unpack
from parcnet.training.setup.optimizer import create_optimizer


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 2)).to(memory_format=torch.channels_last)


def steps(model, optimizer, count, start=0):
    for step in range(start, start + count):
        torch.manual_seed(step)
        optimizer.zero_grad()
        model(torch.randn(2, 3, 8, 8)).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize(
    "opt", ["adamw", "sgd", "momentum", "lamb", "adan", "nadamw", "radam", "adafactor", "lion", "rmsproptf"]
)
def test_unpacked_state_continues_bit_identically(opt):
    model = network()
    optimizer = create_optimizer(model, Optimizer(opt=opt, lr=1e-2))
    steps(model, optimizer, 3)
    tensors, values = pack(optimizer, model)
    tensors = {name: value.clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    values = json.loads(json.dumps(values))

    other = network()
    other.load_state_dict(model.state_dict())
    again = create_optimizer(other, Optimizer(opt=opt, lr=1e-2))
    unpack(again, other, tensors, values)
    steps(model, optimizer, 3, start=3)
    steps(other, again, 3, start=3)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


def test_unpacked_state_has_the_memory_format_of_the_parameters():
    model = network()
    optimizer = create_optimizer(model, Optimizer())
    steps(model, optimizer, 1)
    tensors, values = pack(optimizer, model)
    contiguous = {name: value.contiguous() for name, value in tensors.items()}
    unpack(optimizer, model, contiguous, values)
    assert optimizer.state[model[0].weight]["exp_avg"].stride() == model[0].weight.stride()


def test_state_that_cannot_be_saved_is_an_error():
    model = network()
    optimizer = create_optimizer(model, Optimizer())
    steps(model, optimizer, 1)
    optimizer.state[model[0].weight]["secret"] = object()
    with pytest.raises(UserError, match="has state 'secret' of type object"):
        pack(optimizer, model)


def test_the_state_of_other_parameters_is_refused():
    model = network()
    optimizer = create_optimizer(model, Optimizer())
    steps(model, optimizer, 1)
    tensors, values = pack(optimizer, model)
    other = nn.Linear(2, 2)
    with pytest.raises(UserError, match="does not fit this network"):
        unpack(create_optimizer(other, Optimizer()), other, tensors, values)
