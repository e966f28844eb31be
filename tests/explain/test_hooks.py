"""Whatever touches a network gives it back unchanged, also when it raises."""

import pytest
import torch
from torch import nn

from parcnet.base import UserError
from parcnet.explain import borrowed, captured, gates, gradcam, oversized_kernels, position, reach, receptive_field

COMMANDS = {
    "gradcam": lambda model, images: gradcam(model, images),
    "erf": lambda model, images: receptive_field(model, images),
    "gates": lambda model, images: gates(model, images),
    "position": lambda model, images: position(model, images),
    "kernels": lambda model, _: (oversized_kernels(model), reach(model)),
}
IMAGES = torch.randn(4, 3, 96, 96, generator=torch.Generator().manual_seed(0))


class Broken(Exception):
    pass


def breaking(*_):
    raise Broken


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_leaves_the_network_unchanged(command, network, unchanged):
    with unchanged(network):
        COMMANDS[command](network, IMAGES)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "kernels"])  # which calls nothing
def test_also_when_the_network_raises(command, network, unchanged):
    handle = network.head.register_forward_hook(breaking)
    with unchanged(network), pytest.raises(Broken):
        COMMANDS[command](network, IMAGES)
    handle.remove()


def test_also_from_another_device(network, unchanged):
    with unchanged(network), borrowed(network, torch.device("meta")) as lent:
        assert {each.device.type for each in lent.parameters()} == {"meta"}
        assert not any(module.training for module in lent.modules())
        assert not any(each.requires_grad or each.grad is not None for each in lent.parameters())


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_gradients_are_recorded_also_under_no_grad_and_inference_mode(around, network):
    wanted = gradcam(network, IMAGES[:1]).maps
    with around():
        found = gradcam(network, IMAGES[:1].clone()).maps
    assert wanted.any()
    torch.testing.assert_close(torch.from_numpy(found), torch.from_numpy(wanted))


def test_buffers_that_a_network_changes_are_restored(unchanged):
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls += 1
            return self.conv(x).mean((2, 3))

    model = Counting()
    with unchanged(model):
        gradcam(model, IMAGES, layer="conv")


def test_later_in_place_operations_do_not_change_the_captured_output():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True))
    with torch.no_grad(), captured(model[0]) as seen:
        model(IMAGES)
    assert seen.output is not None
    assert (seen.output < 0).any()


def test_an_unknown_precision_is_named(network):
    with pytest.raises(UserError, match="'fp8'; expected one of fp32, bf16"):
        gradcam(network, IMAGES, dtype="fp8")
