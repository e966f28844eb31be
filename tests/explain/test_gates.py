"""Gates against a hand computation."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from parcnet.base import UserError
from parcnet.explain import gates
from parcnet.explain.gates import gate_units
from parcnet.models import build

IMAGES = torch.randn(3, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def summary(gate, threshold=0.1):
    """gate [N, C, h, w] -> maps, closed maps, closed, negative, in numpy."""
    relative = np.abs(gate) / np.sqrt((gate**2).mean((0, 2, 3), keepdims=True))
    closed = relative < threshold
    return relative.mean(1), closed.mean(1), closed.mean(), (gate < 0).mean()


def assert_is(found, wanted):
    np.testing.assert_allclose(found.maps, wanted[0], rtol=1e-4)
    # a gate on the threshold may fall to either side
    np.testing.assert_allclose(found.closed_maps, wanted[1], atol=0.04)
    assert (found.closed, found.negative) == (pytest.approx(wanted[2], abs=1e-3), pytest.approx(wanted[3], abs=1e-3))


def test_the_first_unit_s_gates_by_hand(network):
    found = gates(network, IMAGES)
    with torch.no_grad():
        stage = network.stages[0]
        block = stage.blocks[0]
        projection = block.spatial.project_in
        x = block.norm1(stage.downsample(network.stem(IMAGES)))
        half = len(projection.weight) // 2
        gate = torch.einsum("oc,nchw->nohw", projection.weight[:half, :, 0, 0], x) + projection.bias[:half, None, None]
    assert_is(found.gates[0], summary(gate.numpy()))
    assert [each.layer for each in found.gates] == list(gate_units(network))
    assert [each.stage for each in found.gates] == [1, 2, 3, 4]


def test_the_gate_of_the_arxiv_version_has_the_gelu():
    torch.manual_seed(0)
    model = build("parcnetv2_10m", img_size=64, depths=(1, 1, 1, 1), dims=(8, 16, 16, 16)).eval()
    found = gates(model, IMAGES)
    unit = next(iter(gate_units(model).values()))
    inputs = []
    handle = unit.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    with torch.no_grad():
        model(IMAGES)
        gate = F.gelu(unit.project_gate(inputs[0]))
    handle.remove()
    assert_is(found.gates[0], summary(gate.numpy()))


def test_closed_and_open_gates(network):
    """A gate of 0 where the feature map is dark and 1 elsewhere closes where it is 0."""
    unit = network.stages[0].blocks[0].spatial
    with torch.no_grad():
        half = len(unit.project_in.weight) // 2
        unit.project_in.weight[:half] = 0
        unit.project_in.bias[:half] = torch.arange(half).float()  # one constant gate a channel, the first 0
    found = gates(network, IMAGES).gates[0]
    assert found.closed == pytest.approx(1 / half)
    assert found.negative == 0
    np.testing.assert_allclose(found.maps, 1 - 1 / half, rtol=1e-5)


def test_bf16_is_near_fp32(network):
    exact, half = (gates(network, IMAGES, dtype=dtype) for dtype in ("fp32", "bf16"))
    for one, other in zip(exact.gates, half.gates, strict=True):
        np.testing.assert_allclose(one.maps, other.maps, atol=0.1)


@pytest.mark.parametrize("make", [lambda: build("test_convnext"), lambda: build("parcnetv2_digits", gate="add")])
def test_a_network_without_gates_is_named(make):
    with pytest.raises(UserError, match="has no spatial gate unit"):
        gates(make(), IMAGES)


@pytest.mark.parametrize(("images", "threshold", "words"), [(0, 0.1, "no image"), (1, 0.0, "threshold is 0.0")])
def test_invalid_arguments_are_errors(images, threshold, words, network):
    with pytest.raises(UserError, match=words):
        gates(network, IMAGES[:images], threshold=threshold)
