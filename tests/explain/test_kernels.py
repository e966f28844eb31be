"""Composed kernels against the layers they replace; reach against values computed by hand."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from parcnet.base import UserError
from parcnet.explain import oversized_kernels, reach
from parcnet.explain.kernels import energy_by_distance, oversized_layers, spectrum, symmetry
from parcnet.models import build


def convolved(x, kernels):
    """Plain correlation with dense kernels [C, k, l], zero-padded by half their size."""
    weight = torch.from_numpy(kernels)[:, None]
    return F.conv2d(x, weight, padding=(weight.shape[2] // 2, weight.shape[3] // 2), groups=len(weight))


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_convolving_with_the_composed_kernels_equals_the_layer(stage):
    """y = DWConv(x) + ParC-O-W(ParC-O-H(x)) on an oblong map: orientation and centre are right."""
    torch.manual_seed(0)
    model = build("parcnetv2_digits", img_size=(160, 96))
    found = oversized_kernels(model, layer=str(stage), channels=None)
    layer = model.get_submodule(found.layer)
    mix = model.get_submodule(found.layer.removesuffix(".oversized"))
    x = torch.randn(2, len(found.channels), *model.map_sizes((160, 96))[stage - 1])
    with torch.no_grad():
        torch.testing.assert_close(convolved(x, found.merged), mix(x), rtol=1e-4, atol=1e-6)
        separate = found.vertical[:, :, None] * found.horizontal[:, None, :]
        torch.testing.assert_close(convolved(x, separate), layer(x), rtol=1e-4, atol=1e-6)


def test_the_default_is_the_last_block_of_the_third_stage_and_channels_are_drawn_by_seed():
    model = build("parcnetv2_xt", img_size=64)
    found = oversized_kernels(model)
    assert found.layer == f"stages.2.blocks.{len(model.stages[2].blocks) - 1}.spatial.mix.oversized"
    assert found.vertical.shape == (16, 7)
    layer = model.get_submodule(found.layer)
    np.testing.assert_array_equal(found.vertical, layer.kernel_h.detach()[found.channels].numpy())
    np.testing.assert_array_equal(found.horizontal, layer.kernel_w.detach()[found.channels].numpy())
    np.testing.assert_array_equal(oversized_kernels(model).channels, found.channels)
    assert (oversized_kernels(model, seed=1).channels != found.channels).any()
    assert oversized_kernels(model, channels=10_000).vertical.shape[0] == len(layer.kernel_h)


@pytest.mark.parametrize("mix", ["local_first", "local_last"])
def test_a_cascade_has_no_parallel_local_kernel(mix):
    assert oversized_kernels(build("parcnetv2_digits", img_size=64, mix=mix)).local is None


def test_energy_by_hand():
    kernel = np.array([[1.0, 2.0, 0.0, 2.0, 4.0], [0.0, 0.0, 3.0, 0.0, 0.0]])
    np.testing.assert_allclose(energy_by_distance(kernel), [0.5, 0.5 * 8 / 25, 0.5 * 17 / 25])
    assert not energy_by_distance(np.zeros((2, 5))).any()
    np.testing.assert_allclose(energy_by_distance(np.ones((1, 1))), [1.0])


@pytest.mark.parametrize("cycles", [0, 1, 3])
def test_the_spectrum_of_a_wave_is_its_frequency(cycles):
    wave = np.cos(2 * np.pi * cycles * np.arange(9) / 9)[None]
    np.testing.assert_allclose(spectrum(wave), np.eye(5)[cycles], atol=1e-12)


def test_symmetry_of_even_odd_and_one_sided_kernels():
    even, odd = np.array([[1.0, 5.0, 1.0]]), np.array([[1.0, 0.0, -1.0]])
    assert symmetry(even) == pytest.approx(1)
    assert symmetry(odd) == pytest.approx(-1)
    assert symmetry(np.array([[1.0, 0.0, 0.0]])) == 0
    assert symmetry(np.concatenate([even, odd, np.zeros((1, 3))])) == pytest.approx(0)
    assert symmetry(np.zeros((1, 3))) == 0


def test_reach_separates_local_from_global_kernels():
    model = build("parcnetv2_digits", img_size=128)
    name, layer = next(iter(oversized_layers(model).items()))
    with torch.no_grad():
        layer.kernel_h.zero_()
        layer.kernel_h[:, layer.kernel_h.shape[1] // 2] = 1  # the centre alone
        layer.kernel_w.zero_()
        layer.kernel_w[:, [0, -1]] = 1  # the ends alone
    found = reach(model)
    assert [each.layer for each in found] == list(oversized_layers(model))
    assert (found[0].layer, found[0].stage) == (name, 1)
    assert found[0].distance == (0.0, 1.0)
    assert found[0].beyond_local == (0.0, 1.0)
    assert found[0].symmetry == (1.0, 1.0)


def test_untrained_kernels_have_the_reach_of_white_noise():
    torch.manual_seed(0)
    layer = reach(build("parcnetv2_xt"))[0]
    assert layer.distance == pytest.approx(layer.untrained_distance, abs=0.02)
    assert layer.symmetry == pytest.approx(layer.untrained_symmetry, abs=0.05)
    assert layer.spectrum_h.sum() == pytest.approx(1)
    assert layer.energy_w.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layer": "stem"}, r"stem has no oversized convolution; expected one of stages.0.blocks.0"),
        ({"layer": "stages.2.block"}, "Did you mean stages.2.block"),
        ({"layer": "7"}, "no stage 7"),
        ({"channels": 0}, "channels is 0"),
    ],
)
def test_invalid_arguments_are_errors(options, words, network):
    with pytest.raises(UserError, match=words):
        oversized_kernels(network, **options)


@pytest.mark.parametrize("function", [oversized_kernels, reach])
@pytest.mark.parametrize("make", [lambda: build("test_convnext"), lambda: build("parcnetv2_digits", mix="local")])
def test_a_network_without_oversized_kernels_is_an_error(function, make):
    with pytest.raises(UserError, match="has no oversized convolution"):
        function(make())
