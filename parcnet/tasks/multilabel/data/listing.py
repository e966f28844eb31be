"""What the label files of a split say, before labels become numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from parcnet.base import UserError, read_regular_text

EXPECTED = (
    "Expected DIR/train.csv and DIR/val.csv, optionally DIR/test.csv, with a column path (relative to DIR) and "
    "either a column labels (names separated by ;) or a column of 0 and 1 for each class; or folders DIR/train and "
    'DIR/val, optionally DIR/test, with NAME.json beside each image: {"labels": [...]}.'
)


class LabelledFile(NamedTuple):
    """An image and its labels."""

    image: Path
    labels: tuple[str, ...]
    where: str
    """Of the labels, for messages: `train.csv, line 3` or the JSON file."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The images of a split."""

    source: Path
    """The CSV file or the folder."""
    entries: Sequence[LabelledFile]
    columns: tuple[str, ...] | None = None
    """Classes with a column of their own; None where labels are written out."""


def read_text(path: Path) -> str:
    """A UTF-8 file, with or without a byte order mark. Raises `UserError`."""
    try:
        return read_regular_text(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"cannot read {path}: byte {error.start} is not UTF-8. Save the file as UTF-8.") from None


def some(names: Sequence[str], limit: int = 5) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
