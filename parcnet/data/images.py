"""Decode an image file of any format into an 8-bit PIL image; errors name the file."""

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
"""Number of channels -> PIL mode of an 8-bit image."""

# Pillow raises these on damaged files
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
        super().__init__(where, reason)  # both, so that it can be pickled by a worker process
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot read image {self.where}: {self.reason}"


def open_image(path: str | Path, channels: int = 3) -> Image.Image:
    """The image in the file `path`; see `decode_image`. Raises `BadImage` also for a file that cannot be read."""
    return decode_image(read_image(path), str(path), channels)


def read_image(path: str | Path) -> bytes:
    """The bytes of an image file, not decoded. Raises `BadImage` when they cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadImage(str(path), error.strerror or str(error)) from error


def decode_image(content: bytes, where: str, channels: int = 3) -> Image.Image:
    """Decodes the bytes of an image file into an upright 8-bit image, RGB (3 channels) or greyscale (1).

    Transparency is composited on white, 16 bits are scaled to 8 (v / 257, rounded), EXIF orientation is applied, and
    animations yield their first frame. Raises `BadImage`, naming `where`, for truncated or damaged files and for
    decompression bombs (above `PIL.Image.MAX_IMAGE_PIXELS`).
    """
    mode = MODES[channels]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # metadata and palettes: they do not affect the pixels
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content)) as image:
                image.load()
                _turn_upright(image)
                return _eight_bits(image, mode)
        except UnidentifiedImageError:
            raise BadImage(where, "not an image Pillow can read" if content else "the file is empty") from None
        except _BOMBS:
            raise BadImage(where, f"more than {Image.MAX_IMAGE_PIXELS} pixels; downscale it") from None
        except _DAMAGE as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise BadImage(where, reason or str(error) or type(error).__name__) from error


def _turn_upright(image: Image.Image) -> None:
    with suppress(*_DAMAGE):  # unreadable EXIF does not affect the pixels
        ImageOps.exif_transpose(image, in_place=True)


def _eight_bits(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith("I"):
        image = _from_16_bits(image)
    elif image.mode == "F":
        raise ValueError("floating-point pixels have no standard range; convert the file to 8 or 16 bits")
    elif image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        image = white
    return image.convert(mode)


def _from_16_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("32-bit pixels have no standard range; convert the file to 8 or 16 bits")
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
