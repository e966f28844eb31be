"""Position probes on networks with known results."""

import pytest
import torch
from torch import nn

from parcnet.base import UserError
from parcnet.explain import position
from parcnet.explain.position import PIXELS
from parcnet.models import build

NOISE = torch.randn(12, 3, 72, 88, generator=torch.Generator().manual_seed(0))


def coordinates(count, height, width):
    """Images whose content encodes its position, as sky above grass does."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    noise = 0.01 * torch.randn(count, height, width, generator=torch.Generator().manual_seed(0))
    return torch.stack([rows + noise, columns + noise, noise], 1)


class Frame(nn.Module):
    """One stage: a stride-8 convolution, optionally concatenated with the coordinates of the frame."""

    def __init__(self, coordinates):
        super().__init__()
        self.coordinates = coordinates
        self.pool = nn.Conv2d(3, 3, 8, stride=8)
        self.join = nn.Identity()
        self.feature_info = [{"module": "join", "num_chs": 5, "reduction": 8}]

    def forward(self, x):
        x = self.pool(x)
        if self.coordinates:
            lines = torch.meshgrid(torch.linspace(-1, 1, x.shape[2]), torch.linspace(-1, 1, x.shape[3]), indexing="ij")
            x = torch.cat([x, torch.stack(lines).expand(len(x), 2, *x.shape[2:])], 1)
        return self.join(x).mean((2, 3))


def test_coordinates_of_the_frame_are_predicted_perfectly_and_follow_the_frame():
    found = position(Frame(coordinates=True), NOISE)
    probe = found.probes[-1]
    assert (probe.stage, found.shift, found.fitted, found.tested) == ("join", 8, 6, 6)
    assert probe.error.shape == (8, 10)
    for values in (probe.r2, probe.r2_shifted, probe.follows):
        assert values == pytest.approx((1, 1), abs=1e-3)
    assert probe.error.max() < 0.01


def test_noise_without_frame_coordinates_predicts_nothing():
    found = position(Frame(coordinates=False), NOISE)
    for probe in found.probes:
        assert max(probe.r2) < 0.2
        assert max(map(abs, probe.follows)) < 0.3
    assert found.probes[0].stage == PIXELS


def test_coordinates_in_the_content_predict_the_position_and_do_not_follow_the_frame():
    found = position(Frame(coordinates=False), coordinates(12, 72, 88), shift=16)
    for probe in found.probes:
        assert min(probe.r2) > 0.99
        assert max(map(abs, probe.follows)) < 0.05
        assert max(probe.r2_shifted) < 0.9


@pytest.mark.parametrize("name", ["test_convnext", "parcnetv2_digits"])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_every_stage_with_enough_positions_is_probed(name, dtype):
    found = position(build(name), torch.randn(4, 3, 96, 96), dtype=dtype)
    assert [*(probe.stage for probe in found.probes[1:]), *found.skipped] == [f"stages.{i}" for i in range(4)]
    assert found.skipped == ("stages.3",)
    assert found.shift == 32


@pytest.mark.parametrize(
    ("images", "shift", "words"),
    [
        (NOISE[:3], None, "3 images given; a probe needs at least 4"),
        (NOISE, 20, "shift is 20 px; expected a multiple of 32"),
        (NOISE, 0, "shift is 0 px"),
        (NOISE, 64, "8x24 px are left"),
    ],
)
def test_invalid_arguments_are_errors(images, shift, words):
    with pytest.raises(UserError, match=words):
        position(build("test_convnext"), images, shift=shift)


def test_a_network_without_feature_info_is_an_error():
    with pytest.raises(UserError, match="nothing to probe"):
        position(nn.Sequential(nn.Conv2d(3, 3, 1)), NOISE)
