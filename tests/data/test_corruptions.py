"""Corruptions do what their names say, more with each severity, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from parcnet.base import UserError
from parcnet.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt


def photo(width: int = 240, height: int = 224, mode: str = "RGB") -> Image.Image:
    """Smooth colours with edges and grain, neither black nor white."""
    draw = np.random.default_rng(0)
    small = Image.fromarray(draw.integers(30, 226, (22, 24, 3)).astype(np.uint8))
    grain = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)) + draw.normal(0, 4, (height, width, 3))
    return Image.fromarray(grain.clip(0, 255).astype(np.uint8)).convert(mode)


def distance(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


@pytest.mark.parametrize(("mode", "side"), [("L", 224), ("RGB", 224), ("RGB", 32), ("RGB", 128)])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_higher_severity_is_farther_from_the_image(name, mode, side):
    image = photo(side, side, mode=mode)
    before = image.tobytes()
    damaged = [corrupt(image, name, severity) for severity in SEVERITIES]
    assert all((each.size, each.mode) == (image.size, image.mode) for each in damaged)
    distances = [distance(image, each) for each in damaged]
    assert distances == sorted(distances)
    assert distances[0] > 0.5
    assert distances[-1] > 1.25 * distances[0]
    assert image.tobytes() == before


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_seed_is_the_same_noise(name):
    same = [corrupt(photo(), name, 3, seed=7).tobytes() for _ in range(2)]
    assert same[0] == same[1]
    other = corrupt(photo(), name, 3, seed=8).tobytes()
    assert (other != same[0]) == name.endswith("noise")


def test_gaussian_noise_has_the_standard_deviation_it_says():
    grey = Image.new("L", (224, 224), 128)
    noisy = np.asarray(corrupt(grey, "gaussian_noise", 2), float) / 255
    assert noisy.std() == pytest.approx(0.12, rel=0.02)
    assert noisy.mean() == pytest.approx(128 / 255, abs=0.003)


def test_shot_noise_grows_with_the_light_as_photons_do():
    deviations = [
        (np.asarray(corrupt(Image.new("L", (224, 224), level), "shot_noise", 1), float) / 255).std()
        for level in (51, 102)
    ]
    expected = [(share / 60) ** 0.5 for share in (0.2, 0.4)]
    assert deviations == pytest.approx(expected, rel=0.03)


def test_impulse_noise_hits_the_share_it_says():
    noisy = np.asarray(corrupt(Image.new("L", (224, 224), 128), "impulse_noise", 5))
    assert {0, 128, 255} == set(np.unique(noisy).tolist())
    assert (noisy != 128).mean() == pytest.approx(0.27, abs=0.01)


@pytest.mark.parametrize(("side", "sigma"), [(16, 0.5), (32, 1), (128, 3.5), (224, 6), (448, 12)])
def test_the_strength_of_a_blur_is_that_of_the_papers_at_their_sizes_and_in_proportion_beyond(side, sigma):
    assert CORRUPTIONS["gaussian_blur"].strength(5, side) == pytest.approx(sigma)
    noise = CORRUPTIONS["gaussian_noise"].strength(5, side)
    assert noise == pytest.approx({128: 0.24}.get(side, 0.1 if side < 128 else 0.38))


def test_blur_spreads_an_edge_by_its_sigma():
    edge = np.zeros((224, 224), np.uint8)
    edge[:, 112:] = 255
    blurred = np.asarray(corrupt(Image.fromarray(edge), "gaussian_blur", 5), float)[112] / 255
    assert ((blurred > 0.159) & (blurred < 0.841)).sum() == 12  # a normal distribution within one sigma of 6 px


def test_contrast_keeps_the_mean_and_scales_what_differs():
    image = photo()
    low = np.asarray(corrupt(image, "contrast", 1), float)
    whole = np.asarray(image, float)
    assert low.mean((0, 1)) == pytest.approx(whole.mean((0, 1)), abs=0.5)
    assert low.std((0, 1)) == pytest.approx(0.4 * whole.std((0, 1)), rel=0.03)


def test_brightness_keeps_the_hue():
    red = Image.new("RGB", (224, 224), (100, 50, 0))
    assert corrupt(red, "brightness", 2).getpixel((0, 0)) == pytest.approx((151, 75, 0), abs=1)
    black = Image.new("RGB", (224, 224))
    assert corrupt(black, "brightness", 1).getpixel((0, 0)) == (26, 26, 26)


@given(
    name=st.sampled_from(sorted(CORRUPTIONS)),
    severity=st.sampled_from(SEVERITIES),
    width=st.integers(1, 40),
    height=st.integers(1, 40),
)
def test_any_size_down_to_one_pixel(name, severity, width, height):
    assert corrupt(photo(width, height), name, severity).size == (width, height)


@pytest.mark.parametrize(
    ("name", "severity", "image", "words"),
    [
        ("gausian_noise", 1, photo(), "Did you mean gaussian_noise"),
        ("jpeg", 0, photo(), "severity is 0; expected 1"),
        ("jpeg", 6, photo(), "severity is 6"),
        ("jpeg", 1, photo(mode="RGBA"), "mode RGBA; expected 8 bits"),
    ],
)
def test_mistakes_are_named(name, severity, image, words):
    with pytest.raises(UserError, match=words):
        corrupt(image, name, severity)
