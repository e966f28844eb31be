"""The data of a classification run."""

from parcnet.data import Splits, has_split, open_dataset


def open_splits(folder: str | None) -> Splits:
    """Images of one class each; None: the embedded digits. Raises `UserError` for unusable folders."""
    train = open_dataset(folder, "train")
    val = open_dataset(folder, "val", train.classes)
    test = open_dataset(folder, "test", train.classes) if has_split(folder, "test") else None
    return Splits(train, val, test)
