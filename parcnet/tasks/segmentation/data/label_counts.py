"""Counts the pixels of each class before training, to detect unusable label maps."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parcnet.base import UserError, counted, warn
from parcnet.data.class_names import some
from parcnet.data.images import BadImage
from parcnet.tasks.segmentation.data.folders import IGNORED, LabelMaps

SAMPLE = 300
"""Largest number of label maps to count, evenly spaced over the split."""
_LARGE_FRACTION = 0.5
_RESERVED = (
    f"{IGNORED} is reserved for pixels to ignore. If it means a class, as in binary masks of 0 and {IGNORED}, store "
    "that class's number instead (1)."
)


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Pixel counts of the readable label maps."""

    pixels: NDArray[np.int64]
    """Pixels of each class."""
    ignored: int
    maps: int
    """Number of label maps counted."""
    total: int
    """Number of label maps in the split."""

    @property
    def ignored_fraction(self) -> float:
        return self.ignored / max(self.ignored + int(self.pixels.sum()), 1)

    @property
    def absent(self) -> list[int]:
        """Classes without pixels."""
        return np.flatnonzero(self.pixels == 0).tolist()


def count_labels(maps: LabelMaps, sample: int = SAMPLE) -> LabelCounts:
    """Counts at most `sample` label maps, or as many as needed to find two classes."""
    drawn = [number * len(maps) // min(sample, len(maps)) for number in range(min(sample, len(maps)))]
    counts = np.zeros(IGNORED + 1, np.int64)
    read = _add(counts, maps, drawn)
    if np.count_nonzero(counts[:IGNORED]) < 2:
        for number in sorted({*range(len(maps))} - {*drawn}):
            read += _add(counts, maps, [number])
            if np.count_nonzero(counts[:IGNORED]) > 1:
                break
    return LabelCounts(counts[: len(maps.classes)], int(counts[IGNORED]), read, len(maps))


def check_labels(maps: LabelMaps, split: str) -> None:
    """Warns about classes without pixels and a large fraction of ignored pixels.

    Raises `UserError` for label maps that a constant prediction satisfies: those without pixels of any class, or of a
    single class in the training split or next to ignored pixels.
    """
    found = count_labels(maps)
    if not found.maps:
        return  # unreadable maps are reported when they are read
    where = f"the label maps of {split} in {maps.name}"
    names = [name for name, pixels in zip(maps.classes, found.pixels, strict=True) if pixels]
    if len(names) < 2 and (found.ignored or split == "train"):
        only = f"only the class {names[0]!r} has" if names else "no class has"
        ignored = (
            f" and {found.ignored_fraction:.1%} of all pixels are {IGNORED}: {_RESERVED}" if found.ignored else "."
        )
        raise UserError(f"{where}: {only} pixels{ignored} Expected at least two of {some(maps.classes)}.")
    if found.absent:
        absent = some(maps.classes[number] for number in found.absent)
        hint = f" {found.ignored_fraction:.1%} of all pixels are {IGNORED}: {_RESERVED}" if found.ignored else ""
        warn(f"{where}: no pixel of {absent} in {_counted(found)}.{hint}")
    elif found.ignored_fraction > _LARGE_FRACTION:
        warn(f"{where}: {found.ignored_fraction:.1%} of the pixels in {_counted(found)} are ignored. {_RESERVED}")


def _counted(found: LabelCounts) -> str:
    sampled = f" (of {found.total})" if found.maps < found.total else ""
    return f"{counted(found.maps, 'label map')}{sampled}"


def _add(counts: NDArray[np.int64], maps: LabelMaps, numbers: Iterable[int]) -> int:
    """Adds the pixels of these maps; returns the number of readable ones."""
    read = 0
    for number in numbers:
        try:
            labels = maps.label(number)
        except BadImage:
            continue
        counts += np.bincount(labels.reshape(-1), minlength=IGNORED + 1)
        read += 1
    return read
