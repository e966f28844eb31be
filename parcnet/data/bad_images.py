"""How many unreadable images are too many."""

from collections.abc import Iterable

from parcnet.base import UserError, counted, warn
from parcnet.data.images import BadImage

_named: set[str] = set()  # each file is warned of once in a process, not once an epoch


class BadImages:
    """Names each unreadable image once, until there are more than `limit` of them in one pass over the data."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.found: dict[str, BadImage] = {}

    def add(self, errors: Iterable[BadImage]) -> None:
        """Counts the images that are new; `UserError` naming the first few when there are too many."""
        for error in errors:
            self.found.setdefault(error.where, error)
        if len(self.found) > self.limit:
            first = "\n".join(f"  {error.where}: {error.reason}" for error in list(self.found.values())[:5])
            raise UserError(
                f"{counted(len(self.found), 'unreadable image')}, {self.limit} allowed:\n{first}\n"
                "Repair or remove them, or allow more with --max-bad-images."
            )
        for where in self.found.keys() - _named:
            warn(str(self.found[where]))
            _named.add(where)
