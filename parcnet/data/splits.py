"""The images of a run, opened before any work: a mistake in the data costs seconds, not hours."""

from dataclasses import dataclass

from parcnet.data import LabelledImages, has_split, open_dataset


@dataclass(frozen=True, slots=True)
class Splits:
    """Networks learn from train, val chooses the best epoch, test (if there is one) is looked at once at the end."""

    train: LabelledImages
    val: LabelledImages
    test: LabelledImages | None

    @property
    def sizes(self) -> dict[str, int]:
        """Images in each split that is there."""
        named = {"train": self.train, "val": self.val, "test": self.test}
        return {name: len(images) for name, images in named.items() if images is not None}


def open_splits(folder: str | None) -> Splits:
    """Images that each show one class. Raises `UserError` for whatever is wrong with the folders."""
    train = open_dataset(folder, "train")
    val = open_dataset(folder, "val")
    test = open_dataset(folder, "test") if has_split(folder, "test") else None
    return Splits(train, val, test)
