"""Images inside installed packages: nothing is downloaded."""

from importlib import resources

from PIL import Image

from parcnet.base import UserError

_NAMES = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


def open_packaged(package: str, file: str) -> Image.Image:
    """The image `file` of `package`. Raises `UserError` where the package, or the file in it, is missing."""
    try:
        return Image.open(str(resources.files(package) / file))
    except (ModuleNotFoundError, OSError) as error:
        raise UserError(
            f"the photographs come with {_NAMES[package]}, which is missing or has no {file} ({error}): "
            f"pip install {_NAMES[package]}."
        ) from None
