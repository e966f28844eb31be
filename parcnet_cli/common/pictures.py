"""Which picture formats can be written, checked before the work whose result is drawn."""

from pathlib import Path

FORMATS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".svg", ".pdf", ".eps")
"""Suffixes that matplotlib writes without other programs."""


def check_picture(flag: str, path: Path | None) -> None:
    """Raises `UserError` when the suffix of `path`, the value of `flag`, names no known format; None passes."""
    from parcnet.base import UserError  # here, because the library takes seconds to load

    if path is not None and path.suffix.lower() not in FORMATS:
        raise UserError(f"{flag} is {str(path)!r}; expected a file name that ends in one of {', '.join(FORMATS)}.")
