"""`parcnet features`: features of images, before the classifier, as files."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Writes the features of every image: the pooled last map, before the classifier. An output name that ends in .npz is one
file; any other name is a folder of parquet parts, which several processes fill together. Finished parts are kept: the
same command resumes an interrupted extraction.

  parcnet features runs/digits-... --split train -o train.npz
  parcnet features runs/digits-... --split val -o val.npz
  parcnet probe train.npz val.npz
  torchrun --nproc-per-node 8 -m parcnet features best.safetensors --data-dir DIR --split train -o features-train
"""


@dataclass(frozen=True)
class FeaturesOptions:
    """Which network, and which images."""

    checkpoint: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
    """A .safetensors file of ours, a run folder, or a published folder."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """FILE.npz, or a folder for parquet parts."""
    data_dir: str | None = None
    """Folder with SPLIT/CLASS/IMAGE, hfds/DIR or wds/DIR. None: the embedded digits."""
    split: Literal["train", "val", "test"] = "val"
    """Split of the data."""
    batch_size: int = 64
    """Images per batch."""
    workers: int = 0
    """Processes that read images; 0 uses the main process."""
    max_bad_images: int = 0
    """Unreadable images to name and skip before stopping."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps; under torchrun each process uses its own GPU."""
    amp: Literal["none", "bf16", "fp16"] = "none"
    """Precision of the forward pass; features are stored in fp32."""


def run(arguments: Sequence[str]) -> int:
    """Extracts and writes; exit code 0."""
    options = parse(FeaturesOptions, "features", _DESCRIPTION, arguments)

    import torch
    from rich.markup import escape

    from parcnet.base import next_steps, pick_device, progress, say
    from parcnet.data import Preprocessing, open_dataset
    from parcnet.evaluation.features import Extraction, extract
    from parcnet.recipes import Data
    from parcnet.training.distributed.process_group import launch_environment, rank_device
    from parcnet.training.loop.precision import autocast_dtype
    from parcnet_cli.common.classifiers import open_classifier

    Data(
        batch_size=options.batch_size, workers=options.workers, max_bad_images=options.max_bad_images
    )  # the same limits
    group = launch_environment()  # not connected: the processes do not communicate
    device = rank_device(pick_device(options.device), group)
    loaded = open_classifier(options.checkpoint, options.data_dir)
    network, metadata = loaded.network, loaded.metadata
    extraction = Extraction(
        network.to(device).to(memory_format=torch.channels_last),
        Preprocessing.from_dict(metadata.preprocessing),
        open_dataset(options.data_dir, options.split),
        {"model": metadata.model, "split": options.split, "amp": options.amp},
        device,
        autocast_dtype(options.amp),
        options.batch_size,
        options.workers,
        options.max_bad_images,
        group.rank,
        group.world,
    )
    with progress("extracting", extraction.num_own_images, "images") as advance:
        features = extract(extraction, options.output, advance)
    if features is None:
        folder = escape(str(options.output))
        say(f"this process has written its parts to {folder}; other processes are still writing theirs")
        return 0
    images, channels = features.vectors.shape
    say(f"{escape(str(options.output))}: {images} images x {channels} channels of {metadata.model}")
    path = shlex.quote(str(options.output))
    next_steps(
        [(f"parcnet probe {path} OTHER", "top-1 on another split, by nearest neighbours and by a linear classifier")]
    )
    return 0
