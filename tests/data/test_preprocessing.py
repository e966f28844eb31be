import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform

from parcnet.base import UserError
from parcnet.data import Preprocessing

IMAGENET = Preprocessing((224, 224), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def test_a_grey_value_becomes_value_minus_mean_over_std():
    image = Image.new("RGB", (300, 200), (255, 128, 0))
    expected = [(v / 255 - m) / s for v, m, s in zip((255, 128, 0), IMAGENET.mean, IMAGENET.std, strict=True)]
    found = IMAGENET.transform()(image)
    assert found.shape == (3, 224, 224)
    torch.testing.assert_close(found.mean((1, 2)), torch.tensor(expected), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(32, 32), (33, 20), (20, 47)])
def test_any_mode_and_any_size(mode, channels, size):
    preprocessing = Preprocessing(size, (0.5,) * channels, (0.5,) * channels)
    for width, height in [(8, 8), (1, 1), (300, 40), (40, 301)]:
        found = preprocessing.transform()(Image.new(mode, (width, height)))
        assert found.shape == (channels, *size)
        assert found.dtype == torch.float32


def test_the_crop_is_the_centre_of_the_resized_image():
    side = math.floor(64 / 0.875)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))
    found = Preprocessing((64, 64), (0.0,) * 3, (1.0,) * 3).transform()(picture)  # already of the resized size
    first = round((side - 64) / 2)
    expected = np.asarray(picture)[first : first + 64, first : first + 64].transpose(2, 0, 1) / 255
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_json_round_trip():
    there = Preprocessing((33, 20), (0.5,), (0.25,), "bilinear", 1.0)
    assert Preprocessing.from_dict(json.loads(json.dumps(there.to_dict()))) == there


@pytest.mark.parametrize("change", [{"sise": 3}, {"size": None}])
def test_unknown_and_missing_fields(change):
    values = {**IMAGENET.to_dict(), **change}
    if values["size"] is None:
        del values["size"]
    with pytest.raises(UserError, match=f"missing or unknown: {next(iter(change))}"):
        Preprocessing.from_dict(values)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"size": (0, 32)}, "size must be"),
        ({"size": (32,)}, "size must be"),
        ({"mean": (0.5, 0.5)}, "1 or 3 numbers"),
        ({"std": (0.5,)}, "1 or 3 numbers"),
        ({"std": (0.5, 0.0, 0.5)}, "std must be positive"),
        ({"crop_pct": 1.2}, "crop_pct must be"),
        ({"interpolation": "bicubc"}, "unknown interpolation 'bicubc'. Did you mean bicubic"),
    ],
)
def test_invalid_values_are_errors(change, complaint):
    with pytest.raises(UserError, match=complaint):
        Preprocessing.from_dict({**IMAGENET.to_dict(), **change})


def test_the_transform_is_cropping_then_scaling_with_an_8_bit_image_between():
    preprocessing = Preprocessing(size=(24, 32), mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    image = Image.effect_noise((70, 50), 60).convert("RGB")
    cropped = preprocessing.cropping()(image)
    assert (cropped.size, cropped.mode) == ((32, 24), "RGB")
    assert torch.equal(preprocessing.scaling()(cropped), preprocessing.transform()(image))


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (1, 9_000_000), (9_000_000, 1), (3, 600_000)])
@pytest.mark.parametrize("target", [(224, 224), (64, 192)])
def test_a_strip_costs_megabytes(size, target, monkeypatch):
    most = 0
    resize = Image.Image.resize

    def counted(image, size, *arguments, **options):
        nonlocal most
        most = max(most, size[0] * size[1])
        return resize(image, size, *arguments, **options)

    monkeypatch.setattr(Image.Image, "resize", counted)
    preprocessing = Preprocessing(target, (0.5,) * 3, (0.5,) * 3)
    pixels = preprocessing.transform()(Image.new("RGB", size, "white"))
    assert pixels.shape == (3, *target)
    assert pixels.min() == 1
    assert 0 < most < 4_000_000


@pytest.mark.parametrize("size", [(30, 20), (20, 320), (33, 500), (640, 427)])
def test_ordinary_images_are_resized_whole(size):
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    preprocessing = Preprocessing((32, 32), (0.5,) * 3, (0.5,) * 3)
    plain = create_transform(
        (3, 32, 32), interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=preprocessing.crop_pct
    )
    assert torch.equal(preprocessing.transform()(image), plain(image))


def test_a_strip_becomes_what_it_would_whole():
    noise = np.random.default_rng(0).integers(0, 256, (8, 400, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    preprocessing = Preprocessing((32, 32), (0.5,) * 3, (0.5,) * 3)
    plain = create_transform(
        (3, 32, 32), interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=preprocessing.crop_pct
    )
    assert (preprocessing.transform()(image) - plain(image)).abs().max() <= 2 / 127.5
