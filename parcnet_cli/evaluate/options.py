"""The options of `parcnet eval`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

Suite = Literal["imagenet-v2", "imagenet-r", "imagenet-a", "imagenet-sketch", "imagenet-c", "corruptions"]


@dataclass(frozen=True)
class EvaluationOptions:
    """The checkpoint and the images to evaluate it on."""

    checkpoint: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
    """A .safetensors file of ours, a run folder (its best checkpoint), a published folder, or an exported file."""
    data_dir: str | None = None
    """Folder with SPLIT/CLASS/IMAGE, hfds/DIR or wds/DIR (`parcnet data --help`), or in the task's layout. None: the
    embedded digits."""
    split: Literal["train", "val", "test"] | None = None
    """Split of the data. None: test if there is one, else val."""
    batch_size: int = 64
    """Batch size; no metric depends on it."""
    workers: int = 0
    """Worker processes that read images; 0: the main process does."""
    max_bad_images: int = 0
    """Unreadable images tolerated: each is reported and left out. One more stops evaluation."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    confusion: Path | None = None
    """Draw the confusion matrix into this file, e.g. confusion.png."""
    multi_scale: bool = False
    """Average predictions over several image sizes, each also mirrored, for tasks that define this."""
    suite: Suite | None = None
    """Robustness suite; --data-dir is the unpacked data set. corruptions applies to any labelled images."""
    also: tuple[Path, ...] = ()
    """With --suite: further checkpoints for the same table."""
    csv: Path | None = None
    """With --suite: write all metrics to this file, with the columns of timm's result files."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print one JSON object instead of a table."""
