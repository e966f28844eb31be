"""Which pictures can be drawn: asked before the work whose result they show."""

from pathlib import Path

FORMATS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".svg", ".pdf", ".eps")
"""Suffixes that matplotlib can write without other programs."""


def check_picture(flag: str, path: Path | None) -> None:
    """Raises `UserError` when the suffix of `path`, which `flag` gave, names no format; None is no picture."""
    from parcnet.base import UserError  # here, for the library takes seconds to load

    if path is not None and path.suffix.lower() not in FORMATS:
        raise UserError(f"{flag} is {str(path)!r}; expected a file name that ends in one of {', '.join(FORMATS)}.")
