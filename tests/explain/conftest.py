from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from parcnet.models import build


def photos(count: int, height: int, width: int, channels: int = 3) -> Tensor:
    """Smooth random images: noise, blurred, so that neighbours are alike as in photographs."""
    noise = torch.randn(count, channels, height + 8, width + 8, generator=torch.Generator().manual_seed(1))
    return 9 * nn.functional.avg_pool2d(noise, 9, stride=1)


@pytest.fixture
def network() -> nn.Module:
    """The network of the digits, its weights large enough for every path to matter, and half of it in training mode."""
    torch.manual_seed(0)
    model = build("parcnetv2_digits", img_size=32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1 and "norm" in name and name.endswith("weight"):
                parameter.fill_(1.0)
    return model.eval()


def _hooks(model: nn.Module) -> list[int]:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return [len(getattr(module, kind)) for module in model.modules() for kind in kinds]


@pytest.fixture
def unchanged() -> Callable[[nn.Module], Iterator[None]]:
    """`with unchanged(model):` disturbs the model, and fails unless the block leaves it exactly as disturbed."""

    @contextmanager
    def guard(model: nn.Module) -> Iterator[None]:
        for place, module in enumerate(model.modules()):
            module.training = place % 3 == 0
        for place, parameter in enumerate(model.parameters()):
            parameter.requires_grad_(place % 2 == 0)
            if place % 4 == 0:
                parameter.grad = torch.full_like(parameter, 0.5)
        next(model.children()).register_forward_hook(lambda *_: None)
        model.to(memory_format=torch.channels_last)

        def state() -> list[object]:
            parameters = [
                (id(each), each.data_ptr(), each.stride(), each.dtype, each.device, each.requires_grad, id(each.grad))
                for each in model.parameters()
            ]
            buffers = [(id(each), each.data_ptr(), each.stride()) for each in model.buffers()]
            return [parameters, buffers, [module.training for module in model.modules()], _hooks(model)]

        before, values = state(), {name: value.clone() for name, value in model.state_dict().items()}
        grads = [None if each.grad is None else each.grad.clone() for each in model.parameters()]
        yield
        assert state() == before
        for name, value in model.state_dict().items():
            torch.testing.assert_close(value, values[name], rtol=0, atol=0)
        for parameter, grad in zip(model.parameters(), grads, strict=True):
            assert (parameter.grad is None) == (grad is None)
            assert grad is None or torch.equal(parameter.grad, grad)

    return guard
