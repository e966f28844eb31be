"""Checks the format of a picture before the work whose result is drawn."""

from pathlib import Path

FORMATS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".svg", ".pdf", ".eps")
"""Suffixes that matplotlib writes without external programs."""


def check_picture(flag: str, path: Path | None) -> None:
    """Raises `UserError` unless the suffix of `path`, the value of `flag`, is one of `FORMATS`; None passes."""
    from parcnet.base import UserError  # here, because the library takes seconds to load

    if path is not None and path.suffix.lower() not in FORMATS:
        raise UserError(f"{flag} is {str(path)!r}; expected a file name that ends in one of {', '.join(FORMATS)}.")
