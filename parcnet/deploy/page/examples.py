"""Example images of a page."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from parcnet.base import UserError
from parcnet.data import open_dataset, open_image
from parcnet.data.packaged_images import PHOTOGRAPHS, photograph_path

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif")
"""Formats that browsers read."""
_FOLDER = "examples"
_CREDIT = {
    PHOTOGRAPHS[0]: "Photograph by danielbuechele, CC BY 2.0, from scikit-learn.",
    PHOTOGRAPHS[1]: "Photograph by vultilion, CC BY 2.0, from scikit-learn.",
}
_DIGITS = (3, 7)


@dataclass(frozen=True, slots=True)
class Example:
    """An example image of a page."""

    file: str
    """Path in the page's folder."""
    name: str
    credit: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def check_examples(paths: Sequence[Path]) -> None:
    """Raises `UserError` for an image that parcnet or browsers cannot read."""
    for path in paths:
        if path.suffix.lower() not in _SUFFIXES:
            raise UserError(f"browsers cannot show {path}: expected one of {', '.join(_SUFFIXES)}.")
        open_image(path)


def add_examples(page: Path, paths: Sequence[Path], data: str) -> list[Example]:
    """Copies `paths` into the page's folder. Without paths: two embedded digits for a network trained on them (`data`),
    otherwise scikit-learn's two photographs, whose licence requires attribution.
    """
    folder = page / _FOLDER
    folder.mkdir()
    if not paths and data == "digits":
        return [_digit(folder, label) for label in _DIGITS]
    if not paths:
        return [_photograph(folder, name) for name in PHOTOGRAPHS]
    examples = []
    for number, path in enumerate(paths, 1):
        target = folder / f"{number}{path.suffix.lower()}"  # a name that is safe in URLs
        shutil.copyfile(path, target)
        examples.append(Example(f"{_FOLDER}/{target.name}", path.name))
    return examples


def _digit(folder: Path, label: int) -> Example:
    digits = open_dataset(None, "test")
    index = next(index for index in range(len(digits)) if digits.label(index) == label)
    name = f"digit-{digits.classes[label]}.png"
    digits.image(index).save(folder / name)
    return Example(f"{_FOLDER}/{name}", name)


def _photograph(folder: Path, name: str) -> Example:
    shutil.copyfile(photograph_path(name), folder / name)
    return Example(f"{_FOLDER}/{name}", name, _CREDIT[name])
