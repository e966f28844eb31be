"""Common corruptions of images, each in five severities: what cameras, compression and light do to photographs.

Eight of the nineteen of ImageNet-C and CIFAR-10-C (Hendrycks and Dietterich, ICLR 2019, arXiv:1903.12261), with the
strengths that their authors' code has for 224 and for 32 px, and strengths in between for sizes in between. Scores
differ from those on the two data sets, whose images are published files made by other code.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from parcnet.base import UserError, unknown

SEVERITIES = (1, 2, 3, 4, 5)

_SMALL, _LARGE = 32, 224
"""The sides, in px, for which CIFAR-10-C and ImageNet-C chose their strengths."""

Strengths = tuple[float, float, float, float, float]
"""One for each severity; their meaning is the corruption's own."""
Draw = np.random.Generator
_Pixels = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Corruption:
    """A corruption: its strengths by severity, and the function that applies it."""

    title: str
    strength_means: str
    small: Strengths
    """Its strengths for 32 px."""
    large: Strengths
    """For 224 px."""
    apply: Callable[[Image.Image, float, Draw], Image.Image]
    in_pixels: bool = False
    """Whether strengths are lengths, so that they grow with images beyond 224 px and shrink below 32."""

    def strength(self, severity: int, side: int) -> float:
        """For images whose smaller side is `side` px."""
        small, large = self.small[severity - 1], self.large[severity - 1]
        share = min(max((side - _SMALL) / (_LARGE - _SMALL), 0.0), 1.0)
        beyond = min(side / _SMALL, 1.0) * max(side / _LARGE, 1.0) if self.in_pixels else 1.0
        return (small + share * (large - small)) * beyond


def corrupt(image: Image.Image, name: str, severity: int, seed: int = 0) -> Image.Image:
    """The image (grey or RGB, 8 bits) with the corruption `name` of severity 1 to 5; same seed, same noise.

    Apply it to images of the size that the network sees, as ImageNet-C was made: noise that is resized afterwards is
    weaker. Raises `UserError` for an unknown name (with the nearest ones), severity or mode of image.
    """
    if name not in CORRUPTIONS:
        raise unknown("corruption", name, CORRUPTIONS)
    if severity not in SEVERITIES:
        raise UserError(f"severity is {severity}; expected 1 (weakest) to 5.")
    if image.mode not in ("L", "RGB"):
        raise UserError(f"the image has mode {image.mode}; expected 8 bits, grey (L) or RGB.")
    chosen = CORRUPTIONS[name]
    return chosen.apply(image, chosen.strength(severity, min(image.size)), np.random.default_rng([seed, severity]))


def _gaussian_noise(image: Image.Image, sigma: float, draw: Draw) -> Image.Image:
    values = _unit_range(image)
    return _image(values + draw.normal(scale=sigma, size=values.shape))


def _shot_noise(image: Image.Image, photons: float, draw: Draw) -> Image.Image:
    return _image(draw.poisson(_unit_range(image) * photons) / photons)


def _impulse_noise(image: Image.Image, amount: float, draw: Draw) -> Image.Image:
    values = _unit_range(image)
    hit = draw.random(values.shape) < amount
    return _image(np.where(hit, draw.integers(0, 2, values.shape), values))


def _gaussian_blur(image: Image.Image, sigma: float, _: Draw) -> Image.Image:
    from scipy.ndimage import gaussian_filter  # here: it takes a second, and only this corruption needs it

    values = _unit_range(image)
    return _image(gaussian_filter(values, (sigma, sigma, 0)[: values.ndim], mode="nearest"))


def _brightness(image: Image.Image, added: float, _: Draw) -> Image.Image:
    """Added to the V of HSV, which is the largest channel: hue and saturation stay."""
    values = _unit_range(image)
    value = values if values.ndim == 2 else values.max(-1, keepdims=True)
    brighter = np.minimum(value + added, 1)
    return _image(np.where(value > 0, values * brighter / np.maximum(value, 1e-9), brighter))


def _contrast(image: Image.Image, factor: float, _: Draw) -> Image.Image:
    values = _unit_range(image)
    mean = values.mean((0, 1), keepdims=True)
    return _image(mean + factor * (values - mean))


def _pixelate(image: Image.Image, share: float, _: Draw) -> Image.Image:
    width, height = (max(1, int(share * side)) for side in image.size)
    box, nearest = Image.Resampling.BOX, Image.Resampling.NEAREST
    return image.resize((width, height), box).resize(image.size, nearest)


def _jpeg(image: Image.Image, quality: float, _: Draw) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(quality))
    with Image.open(file) as damaged:
        return damaged.convert(image.mode)


def _unit_range(image: Image.Image) -> _Pixels:
    """[H, W] or [H, W, 3], from 0 to 1."""
    return np.asarray(image) / 255


def _image(values: _Pixels) -> Image.Image:
    return Image.fromarray((values.clip(0, 1) * 255).round().astype(np.uint8))


CORRUPTIONS: Mapping[str, Corruption] = {
    "gaussian_noise": Corruption(
        "Gaussian noise",
        "standard deviation, share of white",
        (0.04, 0.06, 0.08, 0.09, 0.1),
        (0.08, 0.12, 0.18, 0.26, 0.38),
        _gaussian_noise,
    ),
    "shot_noise": Corruption(
        "shot noise", "photons in white", (500, 250, 100, 75, 50), (60, 25, 12, 5, 3), _shot_noise
    ),
    "impulse_noise": Corruption(
        "impulse noise",
        "share of values that turn black or white",
        (0.01, 0.02, 0.03, 0.05, 0.07),
        (0.03, 0.06, 0.09, 0.17, 0.27),
        _impulse_noise,
    ),
    "gaussian_blur": Corruption(
        "Gaussian blur", "sigma, px", (0.4, 0.6, 0.7, 0.8, 1), (1, 2, 3, 4, 6), _gaussian_blur, in_pixels=True
    ),
    "brightness": Corruption(
        "brightness", "added, share of white", (0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5), _brightness
    ),
    "contrast": Corruption(
        "low contrast",
        "share of the contrast left",
        (0.75, 0.5, 0.4, 0.3, 0.15),
        (0.4, 0.3, 0.2, 0.1, 0.05),
        _contrast,
    ),
    "pixelate": Corruption(
        "pixelation",
        "share of the pixels left, a side",
        (0.95, 0.9, 0.85, 0.75, 0.65),
        (0.6, 0.5, 0.4, 0.3, 0.25),
        _pixelate,
    ),
    "jpeg": Corruption("JPEG", "quality", (80, 65, 58, 50, 40), (25, 18, 15, 10, 7), _jpeg),
}
"""By name, in the order of ImageNet-C: noise, blur, weather and light, digital."""
