"""Images inside installed packages, the one place that looks for them: nothing is downloaded."""

from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from parcnet.base import UserError
from parcnet.data.images import formats

_INSTALL = {"skimage": ("scikit-image", "'parcnet[lab]'"), "sklearn": ("scikit-learn", "scikit-learn")}
"""Package -> its distribution, and what to install."""

PHOTOGRAPHS = ("china.jpg", "flower.jpg")
"""Two photographs of 640x427 px that come with scikit-learn."""


def packaged_path(package: str, file: str) -> Path:
    """The path of `file` in the folder of an installed package, which is not imported: that takes a second.

    Raises `UserError` where the package, or the file in it, is missing.
    """
    found = find_spec(package)
    path = None if found is None or found.origin is None else Path(found.origin).parent / file
    if path is None or not path.is_file():
        distribution, install = _INSTALL[package]
        missing = "which is not installed" if path is None else f"whose folder {path.parent} lacks it"
        raise UserError(f"the image {file} comes with {distribution}, {missing}: pip install {install}.")
    return path


def photograph_path(name: str) -> Path:
    """The path of one of `PHOTOGRAPHS`."""
    return packaged_path("sklearn", f"datasets/images/{name}")


def open_packaged(package: str, file: str) -> Image.Image:
    """The image `file` of a package. Raises `UserError` as `packaged_path` does."""
    return Image.open(packaged_path(package, file), formats=formats())
