"""SHA-256 of files."""

import hashlib
from pathlib import Path

from parcnet.base import open_regular


def file_sha256(path: Path) -> str:
    """In hexadecimal digits. Raises OSError."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
