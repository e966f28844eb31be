"""A segmentation data set from photographs of scikit-image, pseudo-labelled by rules.

Each is cut into three disjoint regions: half for training, a fifth for validation, the rest for testing.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from parcnet.base import UserError, write_text
from parcnet.data.packaged_images import open_packaged

SIDE = 256
"""Length in px to which the side that is not cut is resized."""
_SHARES = {"train": 0.5, "val": 0.2, "test": 0.3}
BACKGROUND = "background"

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelledPhotograph:
    """A photograph and the rule that labels it."""

    package: str
    file: str
    label: str
    """The class of the pixels that the rule selects; the others are background."""
    rule: Callable[[Pixels], Mask]
    cut: str = "across"
    """Cut `across` the width or `down` the height, so that each region shows both classes."""


def make_label_folder(root: Path) -> dict[str, int]:
    """Writes images/SPLIT/*.png, annotations/SPLIT/*.png and classes.txt; returns images by split.

    Raises `UserError` without scikit-image.
    """
    names = classes()
    write_text(root / "classes.txt", "\n".join(names) + "\n")
    for name, source in PHOTOGRAPHS.items():
        image, mask = labelled(source)
        labels = Image.fromarray((mask * names.index(source.label)).astype(np.uint8))
        for split, box in _regions(image.size, source.cut).items():
            for folder, picture in (("images", image), ("annotations", labels)):
                path = root / folder / split / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                picture.crop(box).save(path)
    return dict.fromkeys(_SHARES, len(PHOTOGRAPHS))


def classes() -> tuple[str, ...]:
    """The classes, background first."""
    return (BACKGROUND, *(source.label for source in PHOTOGRAPHS.values()))


def labelled(source: LabelledPhotograph) -> tuple[Image.Image, Mask]:
    """The photograph in RGB, its uncut side `SIDE` px long, and the mask of its class."""
    with open_packaged(source.package, source.file) as opened:
        image = opened.convert("RGB")
    mask = Image.fromarray(source.rule(np.asarray(image)))
    side = image.height if source.cut == "across" else image.width
    size = (round(image.width * SIDE / side), round(image.height * SIDE / side))
    return image.resize(size, Image.Resampling.LANCZOS), np.asarray(mask.resize(size, Image.Resampling.NEAREST))


def _regions(size: tuple[int, int], cut: str) -> dict[str, tuple[int, int, int, int]]:
    """Split -> (left, top, right, bottom)."""
    length = size[0] if cut == "across" else size[1]
    edges = np.cumsum([0, *_SHARES.values()])
    places = [round(edge * length) for edge in edges]
    return {
        split: (start, 0, end, size[1]) if cut == "across" else (0, start, size[0], end)
        for split, start, end in zip(_SHARES, places, places[1:], strict=False)
    }


def _coins(image: Pixels) -> Mask:
    """Watershed of the edges, from grey levels below 30 and above 150 (scikit-image's own example)."""
    grey = image[..., 0]
    edges = _skimage("filters").sobel(grey)
    return _skimage("segmentation").watershed(edges, np.where(grey > 150, 2, np.where(grey < 30, 1, 0))) == 2


def _dark(image: Pixels) -> Mask:
    """Darker than Otsu's threshold."""
    return _grey(image) < _otsu(_grey(image))


def _stained(image: Pixels) -> Mask:
    """More of the brown stain (DAB, by colour deconvolution) than Otsu's threshold, after a blur of 2 px."""
    stain = _skimage("filters").gaussian(_skimage("color").rgb2hed(image)[..., 2], 2)
    return stain > _otsu(stain)


def _mortar(image: Pixels) -> Mask:
    """Brighter than Otsu's threshold, after a blur of 4 px."""
    grey = _skimage("filters").gaussian(_grey(image), 4)
    return grey > _otsu(grey)


def _not_black(image: Pixels) -> Mask:
    """Red above 5 %, after a blur of 2 px: the round field of a fundus camera."""
    return _skimage("filters").gaussian(image[..., 0] / 255, 2) > 0.05


def _grey(image: Pixels) -> NDArray[np.floating[Any]]:
    return _skimage("color").rgb2gray(image)


def _otsu(values: NDArray[np.floating[Any]]) -> float:
    return float(_skimage("filters").threshold_otsu(values))


def _skimage(module: str) -> Any:
    try:
        return importlib.import_module(f"skimage.{module}")
    except ImportError as error:
        raise UserError(f"the labels need scikit-image ({error}): pip install 'parcnet[lab]'.") from None


PHOTOGRAPHS = {
    "coins": LabelledPhotograph("skimage", "data/coins.png", "coin", _coins),
    "horse": LabelledPhotograph("skimage", "data/horse.png", "horse", _dark),
    "immunohistochemistry": LabelledPhotograph("skimage", "data/ihc.png", "stained tissue", _stained),
    "retina": LabelledPhotograph("skimage", "data/retina.jpg", "retina", _not_black),
    "brick": LabelledPhotograph("skimage", "data/brick.png", "mortar", _mortar),
}
"""Name -> photograph (the horse is a drawn silhouette) and rule. None is downloaded."""
