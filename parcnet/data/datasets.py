"""Labelled images by number, wherever they come from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from PIL import Image

from parcnet.data.digits import Digits
from parcnet.data.folders import FolderImages, open_folder

Split = Literal["train", "val", "test"]
"""Networks learn from train, val chooses among them, and test is looked at once, at the end."""


class ImageDataset(Protocol):
    """Labelled images, numbered from 0; sent to worker processes by pickle."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the labels."""

    @property
    def name(self) -> str:
        """What it is called in checkpoints and reports; never an absolute path."""

    def __len__(self) -> int: ...

    def image(self, index: int) -> Image.Image:
        """RGB, any size. Raises `BadImage` for a file that cannot be read."""

    def label(self, index: int) -> int:
        """The class as a position in `classes`."""

    def where(self, index: int) -> str:
        """The file, or e.g. `digits[test] 17`."""


def open_dataset(
    data_dir: str | Path | None, split: Split, classes: Sequence[str] | None = None
) -> Digits | FolderImages:
    """The images of `split`: of the folder `data_dir`, or the embedded digits when there is none.

    A folder holds `SPLIT/CLASS/*.jpg` (or png, ...). Labels count its classes by name, as torchvision does; a split
    without images of some class keeps the labels of `train/`. Given `classes`, labels are positions in them: so a
    checkpoint's network is scored on a folder that has only some of its classes.

    Raises `UserError` for a folder that is missing or empty, for a class without images or unknown to `train/` (or
    to `classes`), and for a single class.
    """
    return Digits(split, classes) if data_dir is None else open_folder(Path(data_dir), split, classes)


def has_split(data_dir: str | Path | None, split: Split) -> bool:
    """Whether `open_dataset` would look at anything: digits have every split, a folder those that are in it."""
    return data_dir is None or (Path(data_dir) / split).is_dir()
