"""Photographs of scikit-image and scikit-learn, without a download."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from parcnet.data.images import open_image
from parcnet.data.packaged_images import packaged_path

_LONGEST = 640  # px: larger ones are scaled down, so that crops cover comparable parts
_TRAINING_SHARE = 0.6  # of the longer side; the rest is never trained on

_FILES = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "brick": ("skimage", "data/brick.png"),
    "camera": ("skimage", "data/camera.png"),
    "cell": ("skimage", "data/cell.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "clock": ("skimage", "data/clock_motion.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "coins": ("skimage", "data/coins.png"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "grass": ("skimage", "data/grass.png"),
    "gravel": ("skimage", "data/gravel.png"),
    "hubble": ("skimage", "data/hubble_deep_field.jpg"),
    "ihc": ("skimage", "data/ihc.png"),
    "moon": ("skimage", "data/moon.png"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "retina": ("skimage", "data/retina.jpg"),
    "rocket": ("skimage", "data/rocket.jpg"),
}
"""Name -> package, and the file inside its wheel. Drawings, scans of text and test patterns are left out."""

NAMES = tuple(_FILES)


@dataclass(frozen=True, slots=True)
class Photograph:
    """A grey photograph's disjoint regions for training and testing; a crop's class is its photograph's index."""

    name: str
    train: Image.Image
    test: Image.Image


@cache
def photograph(name: str) -> Image.Image:
    """The photograph `name`, grey, its longer side at most 640 px. Raises `UserError` where its package is missing."""
    image = open_image(packaged_path(*_FILES[name]), channels=1)
    if max(image.size) > _LONGEST:
        share = _LONGEST / max(image.size)
        image = image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.LANCZOS)
    return image


def grey_map(name: str, height: int, width: int) -> NDArray[np.float64]:
    """The photograph resized to [height, width], grey levels in [0, 1]."""
    image = photograph(name).resize((width, height), Image.Resampling.BOX)
    return np.asarray(image, np.float64) / 255


@cache
def photographs() -> tuple[Photograph, ...]:
    """All photographs, split across the longer side: the first 60 % for training, the rest for testing."""
    return tuple(Photograph(name, *_regions(photograph(name))) for name in NAMES)


def _regions(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    width, height = image.size
    if width >= height:
        cut = round(_TRAINING_SHARE * width)
        return image.crop((0, 0, cut, height)), image.crop((cut, 0, width, height))
    cut = round(_TRAINING_SHARE * height)
    return image.crop((0, 0, width, cut)), image.crop((0, cut, width, height))
