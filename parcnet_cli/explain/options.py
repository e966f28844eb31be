"""Options that several explanations share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

OutputFiles = Annotated[tuple[Path, ...], tyro.conf.arg(aliases=["-o"])]
NetworkArgument = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NETWORK")]
ImagesArgument = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE...")]
LayerName = Annotated[str | None, tyro.conf.arg(metavar="NAME|NUMBER")]


@dataclass(frozen=True)
class ImageOptions:
    """Options of every explanation that feeds images to a network."""

    network: NetworkArgument
    """A run folder, a checkpoint, NAME:FILE, or NAME for untrained weights."""
    images: ImagesArgument = ()
    """Image files and folders. Default: the embedded digits, for a network trained on them."""
    img_size: tuple[int, int] | None = None
    """Height and width in px to which images are resized. None: those of training."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    dtype: Literal["fp32", "bf16"] = "fp32"
    """Precision of the forward and backward passes; bf16 uses autocast."""
