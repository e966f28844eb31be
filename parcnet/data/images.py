"""One image file of any kind -> one 8-bit PIL image, or an error that names the file."""

import io
import struct
import warnings
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from parcnet.base import UserError

MODES = {1: "L", 3: "RGB"}
"""PIL's name of an 8-bit image of so many channels."""

# what Pillow's readers raise on damaged files
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class BadImage(UserError):
    """An image that cannot be read: `where` names it, `reason` says why."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)  # both, so that it can be pickled on its way out of a worker process
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot read image {self.where}: {self.reason}"


def open_image(path: str | Path, channels: int = 3) -> Image.Image:
    """The image in the file `path`; see `decode_image`. Raises `BadImage` also for a file that cannot be read."""
    return decode_image(read_image(path), str(path), channels)


def read_image(path: str | Path) -> bytes:
    """The bytes of an image file, not looked into. `BadImage` when they cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadImage(str(path), error.strerror or str(error)) from error


def decode_image(content: bytes, where: str, channels: int = 3) -> Image.Image:
    """The image in an image file's bytes, upright and with 8 bits, as RGB (3 channels) or grey (1).

    Transparent pixels show white, 16 bits are scaled to 8 (v / 257, rounded), EXIF orientation is applied, and of an
    animation the first frame is taken. Raises `BadImage`, naming `where`, for what cannot be read whole, and for images
    so large (above `PIL.Image.MAX_IMAGE_PIXELS`) that they look like an attack.
    """
    mode = MODES[channels]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about metadata and palettes: nothing a person could do for the pixels
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content)) as image:
                image.load()
                _turn_upright(image)
                return _eight_bits(image, mode)
        except UnidentifiedImageError:
            raise BadImage(where, "not an image Pillow can read" if content else "the file is empty") from None
        except _BOMBS:
            raise BadImage(where, f"more than {Image.MAX_IMAGE_PIXELS} pixels; make it smaller") from None
        except _DAMAGE as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise BadImage(where, reason or str(error) or type(error).__name__) from error


def _turn_upright(image: Image.Image) -> None:
    with suppress(*_DAMAGE):  # unreadable EXIF; the pixels are well
        ImageOps.exif_transpose(image, in_place=True)


def _eight_bits(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith("I"):
        image = _from_16_bits(image)
    elif image.mode == "F":
        raise ValueError("floating-point pixels have no agreed range; convert the file to 8 or 16 bits")
    elif image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        image = white
    return image.convert(mode)


def _from_16_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("32-bit pixels have no agreed range; convert the file to 8 or 16 bits")
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
