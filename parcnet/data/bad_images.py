"""Limit on unreadable images."""

from collections.abc import Iterable

from parcnet.base import UserError, counted, printable, warn
from parcnet.data.images import BadImage

_warned: set[str] = set()  # one warning per file and process, not per epoch


class BadImages:
    """Warns once about each unreadable image and raises above `limit` of them in one pass over the data."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.errors: dict[str, BadImage] = {}

    def add(self, errors: Iterable[BadImage]) -> None:
        """Counts images not counted before. Raises `UserError` with the first five when there are too many."""
        for error in errors:
            self.errors.setdefault(error.where, error)
        if len(self.errors) > self.limit:
            first = "\n".join(f"  {printable(error.where)}: {error.reason}" for error in list(self.errors.values())[:5])
            raise UserError(
                f"{counted(len(self.errors), 'unreadable image')}, {self.limit} allowed:\n{first}\n"
                "Repair or remove them, or raise --max-bad-images."
            )
        for where in self.errors.keys() - _warned:
            warn(str(self.errors[where]))
            _warned.add(where)
