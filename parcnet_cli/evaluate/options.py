"""The options of `parcnet eval`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

Suite = Literal["imagenet-v2", "imagenet-r", "imagenet-a", "imagenet-sketch", "imagenet-c", "corruptions"]


@dataclass(frozen=True)
class EvaluationOptions:
    """What to evaluate, and on which images."""

    checkpoint: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
    """A .safetensors file of ours, a run folder (its best checkpoint), a published folder, or an exported file."""
    data_dir: str | None = None
    """Folder with SPLIT/CLASS/IMAGE, hfds/DIR or wds/DIR (`parcnet data --help`), or as the task reads it. None: the
    embedded digits."""
    split: Literal["train", "val", "test"] | None = None
    """Which part of the data. None: test if there is one, else val."""
    batch_size: int = 64
    """Images at a time; no metric depends on it."""
    workers: int = 0
    """Processes that read images; 0 reads in the main process."""
    max_bad_images: int = 0
    """Unreadable images that are named and left out before evaluation stops."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    confusion: Path | None = None
    """Draw the confusion matrix into this file, e.g. confusion.png."""
    multi_scale: bool = False
    """Average several image sizes, each also mirrored, where the task has such a protocol."""
    suite: Suite | None = None
    """Robustness: --data-dir is the unpacked data set; corruptions takes any labelled images and corrupts them here."""
    also: tuple[Path, ...] = ()
    """With --suite: more checkpoints, in the same table."""
    csv: Path | None = None
    """With --suite: every metric, in the columns of timm's result files."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """One JSON object instead of a table."""
