"""The classes of a data set, and labels as numbers."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from parcnet.base import UserError, nearest
from parcnet.tasks.multilabel.data.listing import EXPECTED, Listing, read_text, some

_FILE = "classes.txt"


def classes_of(root: Path, train: Listing) -> tuple[str, ...]:
    """The names in DIR/classes.txt in their order, one a line; without the file those of `train`, sorted.

    Raises `UserError` for a name that stands there twice, and where there is no class at all.
    """
    path = root / _FILE
    if path.is_file():
        names = [name for line in read_text(path).splitlines() if (name := line.strip())]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise UserError(f"{path} names the class {twice[0]!r} twice: remove one of the lines.")
        if not names:
            raise UserError(
                f"{path} is empty; expected a class a line. Without the file, the labels of train are used."
            )
        return tuple(names)
    found = train.columns or {name for entry in train.entries for name in entry.labels}
    if not found:
        raise UserError(f"no image in {train.source} has a label, so there is no class to learn. {EXPECTED}")
    return tuple(sorted(found))


def targets_of(listing: Listing, classes: Sequence[str]) -> Tensor:
    """uint8 [N, classes]: 1 where an image has the class.

    Raises `UserError` for a label that is none of `classes`, and for columns that leave some of them out: a column that
    is not there would silently count as 0.
    """
    if listing.columns is not None:
        if unexpected := sorted(set(listing.columns) - set(classes)):
            raise _unexpected(str(listing.source), "a column", unexpected[0], classes)
        if missing := sorted(set(classes) - set(listing.columns)):
            raise UserError(
                f"{listing.source} has no column for {some(missing)}; expected one for each of {_count(classes)}. Add "
                "it, with 0 for images without it."
            )
    number = {name: index for index, name in enumerate(classes)}
    targets = torch.zeros(len(listing.entries), len(classes), dtype=torch.uint8)
    for target, entry in zip(targets, listing.entries, strict=True):
        for name in entry.labels:
            if name not in number:
                raise _unexpected(entry.where, "the label", name, classes)
            target[number[name]] = 1
    return targets


def _unexpected(where: str, what: str, name: str, classes: Sequence[str]) -> UserError:
    guesses = nearest(name, classes)
    hint = f"Did you mean {' or '.join(guesses)}?" if guesses else f"They are {some(classes, 10)}."
    return UserError(
        f"{where} has {what} {name!r}, which is none of {_count(classes)}. {hint} Correct it, or train with it: "
        f"classes are those of {_FILE}, else those of the training images."
    )


def _count(classes: Sequence[str]) -> str:
    return "the 1 class" if len(classes) == 1 else f"the {len(classes)} classes"
