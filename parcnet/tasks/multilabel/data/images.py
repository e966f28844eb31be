"""Images with any number of labels each."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from parcnet.base import UserError, warn
from parcnet.data import Splits
from parcnet.data.images import open_image
from parcnet.tasks.multilabel.data.classes import classes_of, targets_of
from parcnet.tasks.multilabel.data.csv_labels import read_csv
from parcnet.tasks.multilabel.data.json_labels import read_json_folder
from parcnet.tasks.multilabel.data.listing import EXPECTED, Listing, some

_SPLITS = ("train", "val", "test")


class MultiLabelImages:
    """Image files and their targets; sent to worker processes by pickle, the targets as shared memory."""

    def __init__(self, name: str, classes: Sequence[str], paths: Sequence[Path], targets: Tensor) -> None:
        """`targets` is uint8 [N, classes], 1 where an image has the class."""
        self.name = name
        self.classes = tuple(classes)
        self.targets = targets
        self._paths = [str(path) for path in paths]

    def __len__(self) -> int:
        return len(self._paths)

    def image(self, index: int) -> Image.Image:
        """RGB, any size. Raises `BadImage` for a file that cannot be read."""
        return open_image(self._paths[index])

    def label(self, index: int) -> Tensor:
        """float32 [classes], 1 for each class that the image has and 0 for the others."""
        return self.targets[index].float()

    def where(self, index: int) -> str:
        """The image file."""
        return self._paths[index]


def open_labels(data_dir: str | Path | None, split: str, classes: Sequence[str] | None = None) -> MultiLabelImages:
    """The images of `split`, labelled by `classes`; None: by those of classes.txt or of the split itself.

    Raises `UserError` for whatever is missing, malformed or unknown, before any image is read.
    """
    root = _root(data_dir)
    listing = _listing(root, split)
    chosen = classes_of(root, listing) if classes is None else tuple(classes)
    paths = [entry.image for entry in listing.entries]
    return MultiLabelImages(root.resolve().name, chosen, paths, targets_of(listing, chosen))


def open_splits(data_dir: str | Path | None) -> Splits:
    """The images of a run, whose classes are those of train.

    A class without a positive in train is a warning and no error: a fixed list of classes serves several data sets.
    The network learns never to predict it. Raises `UserError` as `open_labels` does.
    """
    root = _root(data_dir)
    train = open_labels(root, "train")
    val = open_labels(root, "val", train.classes)
    test = open_labels(root, "test", train.classes) if has_labels(root, "test") else None
    positives = train.targets.sum(0).tolist()
    if unseen := [name for name, count in zip(train.classes, positives, strict=True) if not count]:
        warn(f"no training image has {some(unseen)}: what has no positive cannot be learned, and mAP includes it.")
    return Splits(train, val, test)


def has_labels(data_dir: str | Path, split: str) -> bool:
    """Whether `open_labels` would find this split."""
    root = Path(data_dir)
    return (root / f"{split}.csv").is_file() if _in_csv(root) else (root / split).is_dir()


def _root(data_dir: str | Path | None) -> Path:
    if data_dir is None:
        raise UserError(f"multi-label classification has no embedded images: give --data-dir DIR. {EXPECTED}")
    root = Path(data_dir)
    if not root.is_dir():
        raise UserError(f"there is no folder {root}. {EXPECTED}")
    return root


def _listing(root: Path, split: str) -> Listing:
    if _in_csv(root):
        file = root / f"{split}.csv"
        if not file.is_file():
            there = [f"{name}.csv" for name in _SPLITS if (root / f"{name}.csv").is_file()]
            raise UserError(f"there is no file {file}; {root} has {some(there)}. {EXPECTED}")
        return read_csv(file)
    folder = root / split
    if not folder.is_dir():
        raise UserError(f"{root} has neither {split}.csv nor a folder {split}/. {EXPECTED}")
    return read_json_folder(folder)


def _in_csv(root: Path) -> bool:
    """Whether labels are in CSV files; then folders of the splits' names hold images alone."""
    return any((root / f"{split}.csv").is_file() for split in _SPLITS)
