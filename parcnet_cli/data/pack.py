"""`parcnet data pack`: a folder of images packed into parquet files or tar shards."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from parcnet_cli.common.arguments import parse
from parcnet_cli.data.training_steps import training_steps

_DESCRIPTION = """\
Packs SRC/train/CLASS/*.jpg (val and test too) into shards in DST; manifest.json holds class names, counts and
checksums. Files are copied byte for byte, so training sees the same pixels. Every image is decoded once: unreadable
ones are named, and stop the packing unless --max-bad-images allows skipping them. The same command resumes an
interrupted packing and keeps its finished shards.

  parcnet data pack IMAGES DST                parquet, for --data-dir hfds/DST; needs pip install 'parcnet[data]'
  parcnet data pack IMAGES DST --format wds   tar shards, for --data-dir wds/DST, webdataset and timm
"""


@dataclass(frozen=True)
class PackOptions:
    """What to pack, and how."""

    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SRC")]
    """Folder with train/CLASS/IMAGE, val/CLASS/IMAGE and optionally test/CLASS/IMAGE."""
    target: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DST")]
    """Folder for the shards: a new one, or that of an interrupted packing."""
    format: Literal["parquet", "wds"] = "parquet"
    """parquet, which Hugging Face's datasets also reads, or tar shards as webdataset reads them."""
    shard_size: float = 256.0
    """Approximate size of a shard in MB (1e6 bytes)."""
    workers: int = os.cpu_count() or 1
    """Processes that read and verify; 0 uses the main process."""
    max_bad_images: int = 0
    """Unreadable images to name and skip before packing stops."""


def run(arguments: Sequence[str]) -> int:
    """Packs; returns exit code 0. Raises `UserError`."""
    options = parse(PackOptions, "data pack", _DESCRIPTION, arguments)

    # here, because the library takes seconds to load
    from parcnet.base import UserError, counted, next_steps, progress, say, table, warn
    from parcnet.data.shards.pack import pack
    from parcnet.data.shards.shard_plan import plan_shards

    if not 1 <= options.shard_size <= 1e6:
        raise UserError(f"--shard-size is {options.shard_size:g}; expected MB, from 1 to 1,000,000.")
    plan = plan_shards(options.source, options.format, round(options.shard_size * 1e6))
    size = f"{plan.bytes / 1e6:,.1f} MB"
    say(f"{plan.images:,} images of {len(plan.classes)} classes, {size}, into {counted(len(plan.tasks), 'shard')}")
    with progress("packing", plan.images, "images") as advance:
        packed = pack(plan, options.target, options.format, options.workers, options.max_bad_images, advance)
    for error in packed.bad[:20]:
        warn(f"skipped: {error}")
    if packed.bad:
        warn(f"{counted(len(packed.bad), 'unreadable image')} skipped in total")
    rows = [(name, f"{split.images:,}", str(len(split.shards))) for name, split in packed.manifest.splits.items()]
    table(f"{packed.bytes / 1e6:,.1f} MB, {packed.kept} shards kept", ("split", "images", "shards"), rows)
    layout = {"parquet": "hfds", "wds": "wds"}[options.format]
    next_steps(training_steps(f"{layout}/{options.target}"))
    return 0
