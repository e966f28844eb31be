"""`parcnet features`: what a network makes of images before its classifier, in files."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Writes the features of every image: the last map pooled, before the classifier. A name ending with .npz becomes one
file; any other name a folder of parquet parts, which several processes fill together. What a stopped run has written
is kept: the same command goes on.

  parcnet features runs/digits-... --split train -o train.npz
  parcnet features runs/digits-... --split val -o val.npz
  parcnet probe train.npz val.npz
  torchrun --nproc-per-node 8 -m parcnet features best.safetensors --data-dir DIR --split train -o features-train
"""


@dataclass(frozen=True)
class Arguments:
    """Of which network, and which images."""

    checkpoint: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
    """A .safetensors file of ours, a run folder, or a published one."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """FILE.npz, or a folder for parquet parts."""
    data_dir: str | None = None
    """Folder with SPLIT/CLASS/IMAGE, hfds/DIR or wds/DIR. None: the embedded digits."""
    split: Literal["train", "val", "test"] = "val"
    """Which part of the data."""
    batch_size: int = 64
    """Images at a time."""
    workers: int = 0
    """Processes that read images; 0 reads in the main process."""
    max_bad_images: int = 0
    """Unreadable images that are named and left out before it stops."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps; under torchrun each process takes its own GPU."""
    amp: Literal["none", "bf16", "fp16"] = "none"
    """Precision that the network computes in; features are kept in fp32."""


def run(arguments: Sequence[str]) -> int:
    """Extracts and writes; exit code 0."""
    asked = parse(Arguments, "features", _DESCRIPTION, arguments)

    import torch

    from parcnet.base import next_steps, pick_device, progress, say
    from parcnet.data import Preprocessing, open_dataset
    from parcnet.evaluation.features import Extraction, extract
    from parcnet.recipes import Data
    from parcnet.training.distributed.process_group import launched, own_device
    from parcnet.training.loop.precision import autocast_dtype
    from parcnet_cli.common.classifiers import open_classifier

    Data(batch_size=asked.batch_size, workers=asked.workers, max_bad_images=asked.max_bad_images)  # the same limits
    ranks = launched()  # only their numbers: the processes need not hear of each other
    device = own_device(pick_device(asked.device), ranks)
    loaded = open_classifier(asked.checkpoint, asked.data_dir)
    network, metadata = loaded.network, loaded.metadata
    extraction = Extraction(
        network.to(device).to(memory_format=torch.channels_last),
        Preprocessing.from_dict(metadata.preprocessing),
        open_dataset(asked.data_dir, asked.split),
        {"model": metadata.model, "split": asked.split, "amp": asked.amp},
        device,
        autocast_dtype(asked.amp),
        asked.batch_size,
        asked.workers,
        asked.max_bad_images,
        ranks.rank,
        ranks.world,
    )
    with progress("extracting", extraction.num_own_images, "images") as advance:
        found = extract(extraction, asked.output, advance)
    if found is None:
        say(f"this process's parts are in {asked.output}; the others are not whole yet")
        return 0
    say(f"{asked.output}: {found.vectors.shape[0]} images x {found.vectors.shape[1]} channels of {metadata.model}")
    here = shlex.quote(str(asked.output))
    next_steps(
        [(f"parcnet probe {here} OTHER", "top-1 of another split by nearest neighbours and a linear classifier")]
    )
    return 0
