"""Decode an image file of any format into an 8-bit PIL image; errors name the file."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from parcnet.base import UserError, open_regular, printable, read_regular

MODES = {1: "L", 3: "RGB"}
"""Number of channels -> PIL mode of an 8-bit image."""

_DECODERS = (
    *("AVIF", "BMP", "DDS", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "QOI", "SGI", "TGA"),
    *("TIFF", "WEBP"),
)
"""Pillow's formats that are read: those whose decoders run in this process. EPS would start Ghostscript."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what makes the image upright."""
_ORIENTATION = 0x0112
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class BadImage(UserError):
    """An image that cannot be read: `where` names it, `reason` says why."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)  # both, so that it can be pickled by a worker process
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot read image {printable(self.where)}: {self.reason}"


@cache
def formats() -> tuple[str, ...]:
    """Pillow's names of the formats that are read; its builds differ, e.g. in AVIF."""
    Image.init()
    return tuple(name for name in _DECODERS if name in Image.OPEN)


@cache
def suffixes() -> tuple[str, ...]:
    """Suffixes of the files that are read, in lower case with their dot."""
    read = {*formats(), "MPO"}  # a JPEG of several pictures
    return tuple(sorted(suffix for suffix, name in Image.registered_extensions().items() if name in read))


def open_image(path: str | Path, channels: int = 3) -> Image.Image:
    """The image in the file `path`; see `decode_image`. Raises `BadImage` also for a file that cannot be read."""
    return decode_image(read_image(path), str(path), channels)


def image_size(path: str | Path) -> tuple[int, int]:
    """(width, height) of the upright image in a file, by its header alone. Raises `BadImage`."""
    try:
        with open_regular(path) as file, opened(file, str(path)) as image:
            return image.size if orientation(image) < 5 else image.size[::-1]
    except OSError as error:
        raise BadImage(str(path), error.strerror or str(error)) from error


def read_image(path: str | Path) -> bytes:
    """The bytes of an image file, not decoded. Raises `BadImage` when they cannot be read."""
    try:
        return read_regular(path)
    except OSError as error:
        raise BadImage(str(path), error.strerror or str(error)) from error
    except (ValueError, MemoryError) as error:  # a null character in the path; a file larger than the memory
        raise BadImage(str(path), str(error) or "the file does not fit into memory") from error


def decode_image(content: bytes, where: str, channels: int = 3) -> Image.Image:
    """Decodes the bytes of an image file into an upright 8-bit image, RGB (3 channels) or greyscale (1).

    Transparency is composited on white, 16 bits are scaled to 8 (v / 257, rounded), EXIF orientation is applied, and
    animations yield their first frame. Raises `BadImage`, naming `where`, for truncated or damaged files and for
    decompression bombs (above `PIL.Image.MAX_IMAGE_PIXELS`).
    """
    mode = MODES[channels]
    with opened(content, where) as image:
        image.load()
        return _eight_bits(upright(image), mode)


@contextmanager
def opened(content: bytes | BinaryIO, where: str) -> Iterator[Image.Image]:
    """The image in an open file or in a file's bytes, before its pixels are decoded.

    The format is recognised by the content, whatever the file's suffix. Whatever goes wrong in the block becomes a
    `BadImage` that names `where`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # metadata and palettes: they do not affect the pixels
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            source = io.BytesIO(content) if isinstance(content, bytes) else content
            with Image.open(source, formats=formats()) as image:
                yield image
        except BadImage:
            raise
        except UnidentifiedImageError:
            raise BadImage(where, "not an image of a format that is read" if content else "the file is empty") from None
        except _BOMBS:
            raise BadImage(where, f"more than {Image.MAX_IMAGE_PIXELS} pixels; downscale it") from None
        except MemoryError as error:
            raise BadImage(where, "the image does not fit into memory; downscale it") from error
        except Exception as error:  # decoders raise errors of every type on damaged files
            reason = error.strerror if isinstance(error, OSError) else None
            raise BadImage(where, reason or str(error) or type(error).__name__) from error


def upright(image: Image.Image) -> Image.Image:
    """The image turned by its EXIF orientation; unusable metadata turn nothing."""
    turn = _TURNS.get(orientation(image))
    return image if turn is None else image.transpose(turn)


def orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 (upright) to 8; 1 where it is missing, unreadable or no such number."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # Pillow parses foreign metadata; whatever it makes of them, the pixels are still there
        return 1
    return int(value) if isinstance(value, (int, float)) and value in range(1, 9) else 1


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
