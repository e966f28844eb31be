"""Labelled images by number, wherever they come from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from parcnet.data.digits import Digits
from parcnet.data.folders import open_folder
from parcnet.data.shards import open_parquet, open_tars, parquet_split, tar_splits

Split = Literal["train", "val", "test"]
"""Networks learn from train, val chooses among them, and test is looked at once, at the end."""


class LabelledImages(Protocol):
    """Images with labels of any kind, numbered from 0; sent to worker processes by pickle."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the labels."""

    @property
    def name(self) -> str:
        """What it is called in checkpoints and reports; never an absolute path."""

    def __len__(self) -> int: ...

    def image(self, index: int) -> Image.Image:
        """RGB, any size. Raises `BadImage` for a file that cannot be read."""

    def label(self, index: int) -> Any:
        """What is to be learnt about the image. Raises `BadImage` for a file that cannot be read."""

    def where(self, index: int) -> str:
        """The file, or e.g. `digits[test] 17`."""


class ImageDataset(LabelledImages, Protocol):
    """Images that each show one class."""

    def label(self, index: int) -> int:
        """The class as a position in `classes`."""


@runtime_checkable
class OrdersItself(Protocol):
    """A dataset that not every order of its images suits."""

    def order(self, generator: torch.Generator) -> Tensor | None:
        """Every number once, in an order for one epoch that depends on the generator; None: any order is as good."""


def open_dataset(data_dir: str | Path | None, split: Split, classes: Sequence[str] | None = None) -> ImageDataset:
    """The images of `split`, or the embedded digits when `data_dir` is None.

        DIR          DIR/SPLIT/CLASS/*.jpg (or png, ...)
        hfds/DIR     parquet files, by timm's reader; needs the extra `data`
        wds/DIR      tar shards with the index that `parcnet data pack` or `parcnet data index` wrote
        wds/URL      the same from a web server: each shard is fetched when it is needed, and kept

    A folder that is called hfds or wds itself is written ./hfds, ./wds.

    Labels count a folder's classes by name, as torchvision does; a split without images of some class keeps the labels
    of `train/`. Given `classes`, labels are positions in them: so a checkpoint's network is scored on data that has
    only some of its classes.

    Raises `UserError` for what is missing, empty or damaged, for a class without images or unknown to `train/` (or to
    `classes`), and for a single class.
    """
    if data_dir is None:
        return Digits(split, classes)
    layout, source = _parts(data_dir)
    match layout:
        case "hfds":
            return open_parquet(source, split, classes)
        case "wds":
            return open_tars(source, split, classes)
    return open_folder(Path(source), split, classes)


def has_split(data_dir: str | Path | None, split: Split) -> bool:
    """Whether `open_dataset` would look at anything: digits have every split, the others those that are in them."""
    if data_dir is None:
        return True
    layout, source = _parts(data_dir)
    match layout:
        case "hfds":
            return parquet_split(Path(source), split) is not None
        case "wds":
            return split in tar_splits(source)
    return (Path(source) / split).is_dir()


def data_name(data_dir: str | Path | None) -> str:
    """What the data is called where no path of this machine may stand, e.g. in a checkpoint."""
    return "digits" if data_dir is None else Path(_parts(data_dir)[1]).resolve().name


def _parts(data_dir: str | Path) -> tuple[str, str]:
    """(hfds, wds or nothing, the rest)."""
    layout, slash, source = str(data_dir).partition("/")
    return (layout, source) if slash and layout in ("hfds", "wds") else ("", str(data_dir))
