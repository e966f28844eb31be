"""The effective receptive field against known supports, and its squares against RepLKNet's definition."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from parcnet.base import UserError
from parcnet.explain import area_of, receptive_field
from parcnet.explain.receptive_field import square
from parcnet.models import build


def stack(kernels, strides):
    """Convolutions with positive weights, so that no gradient cancels."""
    layers = [nn.Conv2d(1, 1, k, stride=s, padding=k // 2, bias=False) for k, s in zip(kernels, strides, strict=True)]
    for layer in layers:
        nn.init.uniform_(layer.weight, 0.5, 1.0)
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("kernels", "strides", "side"),
    [((3,), (1,), 3), ((3, 3, 3), (1, 1, 1), 7), ((7, 5), (1, 1), 11), ((3, 3), (2, 2), 7), ((5, 1, 3), (2, 1, 1), 9)],
)
def test_the_support_of_stacked_convolutions_is_the_known_one(kernels, strides, side):
    """1 + sum_l (k_l - 1) prod of the strides before it."""
    field = receptive_field(Wrapped(stack(kernels, strides)), torch.rand(3, 1, 49, 49), layer="convs").contribution
    rows, columns = (np.flatnonzero(field.any(axis)) for axis in (1, 0))
    assert (len(rows), len(columns)) == (side, side)
    assert (field > 0).sum() == side**2
    assert rows[side // 2] == columns[side // 2] == 24


class Wrapped(nn.Module):
    """Layers under a name, because a number would be a stage's."""

    def __init__(self, convs):
        super().__init__()
        self.convs = convs

    def forward(self, x):
        return self.convs(x).mean((2, 3))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_uniform_field_needs_the_area_of_the_share(share):
    found = square(np.ones((101, 101)), share)
    assert (found.side - 2) ** 2 <= share * 101**2 < found.side**2
    assert found.area == pytest.approx(found.side**2 / 101**2)


@settings(deadline=None, max_examples=30)
@given(st.integers(5, 24), st.integers(5, 24), st.floats(0.05, 0.95), st.integers(0, 99))
def test_squares_are_those_of_a_loop_over_their_definition(height, width, share, seed):
    field = np.random.default_rng(seed).random((height, width))
    for reach in range(max(height, width)):
        rows = slice(max(height // 2 - reach, 0), height // 2 + reach + 1)
        inside = field[rows, max(width // 2 - reach, 0) : width // 2 + reach + 1]
        if inside.sum() > share * field.sum():
            break
    found = square(field, share)
    assert (found.side, found.area) == (2 * reach + 1, pytest.approx(inside.size / field.size))


def test_one_pixel_can_contain_the_whole_contribution():
    field = np.zeros((9, 12))
    field[4, 6] = 2.0
    assert square(field, 0.99).side == 1
    assert area_of(field, 0.9) == pytest.approx(1 / field.size)
    assert area_of(np.ones((10, 10)), 0.9) == pytest.approx(0.9)


def test_the_score_is_replknet_s():
    found = receptive_field(build("test_convnext"), torch.randn(2, 3, 64, 96))
    score = np.log10(found.contribution + 1)
    np.testing.assert_allclose(found.score, score / score.max())
    assert found.contribution.shape == (64, 96)
    assert [each.share for each in found.squares] == [0.2, 0.3, 0.5, 0.99]
    assert [each.side for each in found.raw_squares] == sorted(each.side for each in found.raw_squares)


def test_one_oversized_block_covers_the_image_and_a_local_one_does_not(network):
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert (receptive_field(network, images, layer="1").contribution > 0).mean() > 0.95
    other = build("test_convnext")
    assert (receptive_field(other, images, layer="1").contribution > 0).mean() < 0.5


def test_bf16_is_near_fp32(network):
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    exact, half = (receptive_field(network, images, dtype=dtype).contribution.ravel() for dtype in ("fp32", "bf16"))
    assert np.corrcoef(exact, half)[0, 1] > 0.99


@pytest.mark.parametrize(("images", "layer", "words"), [(0, None, "no image"), (1, "stage.1", "Did you mean stages.1")])
def test_invalid_arguments_are_errors(images, layer, words, network):
    with pytest.raises(UserError, match=words):
        receptive_field(network, torch.randn(images, 3, 32, 32), layer=layer)


def test_a_map_independent_of_the_image_is_an_error():
    class Blind(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3)

        def forward(self, x):
            return self.conv(torch.zeros_like(x)).mean((2, 3))

    with pytest.raises(UserError, match="no pixel has a positive influence"):
        receptive_field(Blind(), torch.rand(1, 1, 9, 9), layer="conv")
