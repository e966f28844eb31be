"""Map-style datasets of labelled images: folders, parquet files, tar shards, and the embedded digits."""

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
"""Train on train, select on val, evaluate once on test."""


class LabelledImages(Protocol):
    """Images with labels of any kind, indexed from 0; sent to worker processes by pickle."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in label order."""

    @property
    def name(self) -> str:
        """Name in checkpoints and reports; never an absolute path."""

    def __len__(self) -> int: ...

    def image(self, index: int) -> Image.Image:
        """RGB, any size. Raises `BadImage` for a file that cannot be read."""

    def label(self, index: int) -> Any:
        """The target, as the task's loss takes it. Raises `BadImage` for a file that cannot be read."""

    def where(self, index: int) -> str:
        """The source of the image for messages: its path, or e.g. `digits[test] 17`."""


class ImageDataset(LabelledImages, Protocol):
    """Images with one class each."""

    def label(self, index: int) -> int:
        """The class as an index into `classes`."""


@runtime_checkable
class SupportsEpochOrder(Protocol):
    """A dataset that orders its own images within an epoch, since a uniform shuffle would read it slowly."""

    def order(self, generator: torch.Generator) -> Tensor | None:
        """A permutation of all indices for one epoch, drawn from `generator`; None for a uniform shuffle."""


def open_dataset(data_dir: str | Path | None, split: Split, classes: Sequence[str] | None = None) -> ImageDataset:
    """The images of `split`, or the embedded digits when `data_dir` is None.

        DIR          DIR/SPLIT/CLASS/*.jpg (or png, ...)
        hfds/DIR     parquet files, read by timm; needs the extra `data`
        wds/DIR      tar shards with the index that `parcnet data pack` or `parcnet data index` writes
        wds/URL      the same on a web server: each shard is downloaded on first use and cached

    Write ./hfds or ./wds for a folder with that very name.

    A folder's classes are labelled in alphabetical order, as in torchvision; a split that lacks some classes keeps the
    labels of `train/`. With `classes`, labels are indices into them, so that a checkpoint is evaluated on data with a
    subset of its classes.

    Raises `UserError` for missing, empty or damaged data, for a class without images or unknown to `train/` (or to
    `classes`), and for fewer than two classes.
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
    """Whether `open_dataset` would find `split`. The digits have every split."""
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
    """Name of the data without any local path, e.g. for a checkpoint."""
    return "digits" if data_dir is None else Path(_parts(data_dir)[1]).resolve().name


def _parts(data_dir: str | Path) -> tuple[str, str]:
    """-> (`hfds`, `wds` or an empty string; folder or URL)."""
    layout, slash, source = str(data_dir).partition("/")
    return (layout, source) if slash and layout in ("hfds", "wds") else ("", str(data_dir))
