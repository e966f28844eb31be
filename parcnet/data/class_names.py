"""Names of classes: one name for all spellings of the same characters."""

import unicodedata
from collections.abc import Iterable, Sequence

from parcnet.base import UserError, nearest


def normalised(name: str) -> str:
    """The name in Unicode's form NFC: macOS writes `é` as two characters (NFD), other systems as one."""
    return unicodedata.normalize("NFC", name)


def label_of(classes: Sequence[str]) -> dict[str, int]:
    """Name, normalised -> position in `classes`. Raises `UserError` for two names of the same characters."""
    label: dict[str, int] = {}
    for position, name in enumerate(classes):
        other = label.setdefault(normalised(name), position)
        if other != position:
            raise UserError(
                f"two classes have the same name, {classes[other]!a} and {name!a} in Unicode's spellings. Rename or "
                "merge them."
            )
    return label


def unknown_classes(where: object, unexpected: Sequence[str], classes: Sequence[str]) -> UserError:
    """The error for classes of the data at `where` that `classes`, those of training, lack; to be raised."""
    guesses = nearest(unexpected[0], classes)
    hint = f" Did you mean {' or '.join(guesses)}?" if guesses else f" It has {', '.join(classes[:10])}."
    return UserError(f"{where} has classes that training does not have: {some(unexpected)}.{hint}")


def some(names: Iterable[str], limit: int = 5) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
