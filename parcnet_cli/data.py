"""`parcnet data`: a folder of images packed into few large files."""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from parcnet_cli.common.arguments import parse

_HELP = """\
parcnet data: images for training beyond one disk. A million small files are slow to list and to copy; shards are not.

  parcnet data pack SRC DST       a folder of images into parquet files or tar shards, every image verified
  parcnet data index DIR          make tar shards from elsewhere (webdataset) readable

Then: parcnet train --data-dir hfds/DST     parquet
      parcnet train --data-dir wds/DST      tar shards; wds/https://... fetches them from a web server while training
`parcnet data WHAT --help` shows every option.
"""

_PACK = """\
Packs SRC/train/CLASS/*.jpg (val and test too) into shards in DST, with class names, counts and checksums in
manifest.json. The files' bytes stay as they are, so training sees the same pixels. Every image is decoded once:
unreadable ones are named, and stop the packing unless --max-bad-images allows leaving them out. A run that was stopped
goes on where it was when it is started again: finished shards are kept.

  parcnet data pack IMAGES DST                parquet, for --data-dir hfds/DST; needs pip install 'parcnet[data]'
  parcnet data pack IMAGES DST --format wds   tar shards, for --data-dir wds/DST, webdataset and timm
"""

_INDEX = """\
Reads the tar shards in DIR, named like imagenet1k-train-0000.tar and holding NAME.jpg and NAME.cls, and writes an index
and manifest.json beside them. Nothing is copied.

  parcnet data index DIR --classes names.txt          one class name a line, for labels 0, 1, ...
"""


@dataclass(frozen=True)
class Pack:
    """What to pack, and how."""

    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SRC")]
    """Folder with train/CLASS/IMAGE, val/CLASS/IMAGE and perhaps test/CLASS/IMAGE."""
    target: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DST")]
    """Folder for the shards: new, or that of a run that was stopped."""
    format: Literal["parquet", "wds"] = "parquet"
    """parquet, which Hugging Face's datasets read too, or tar shards as webdataset reads them."""
    shard_size: float = 256.0
    """Size of a shard in MB (1e6 bytes), about."""
    workers: int = os.cpu_count() or 1
    """Processes that read and verify; 0 works in the main process."""
    max_bad_images: int = 0
    """Unreadable images that are named and left out before packing stops."""


@dataclass(frozen=True)
class Index:
    """Which shards."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Folder with tar shards."""
    classes: Path | None = None
    """Text file with one class name a line. None: classes are called 0, 1, ..."""


def run(arguments: Sequence[str]) -> int:
    """Packs or indexes; exit code 0. Raises `UserError`."""
    arguments = list(arguments)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_HELP, end="")
        return 0
    if arguments[0] not in _WHAT:
        print(
            f"parcnet: data does not know {arguments[0]!r}; it knows {', '.join(_WHAT)}. `parcnet data --help` helps.",
            file=sys.stderr,
        )
        return 2
    return _WHAT[arguments[0]](arguments[1:])


def _pack(arguments: Sequence[str]) -> int:
    asked = parse(Pack, "data pack", _PACK, arguments)

    # here, for the library takes seconds to load
    from parcnet.base import UserError, counted, next_steps, progress, say, table, warn
    from parcnet.data.shards.pack import pack
    from parcnet.data.shards.shard_plan import plan_shards

    if not 1 <= asked.shard_size <= 1e6:
        raise UserError(f"--shard-size is {asked.shard_size:g}; expected MB, from 1 to 1,000,000.")
    for name in ("workers", "max_bad_images"):
        if getattr(asked, name) < 0:
            raise UserError(f"--{name.replace('_', '-')} is {getattr(asked, name)}; expected 0 or more.")
    plan = plan_shards(asked.source, asked.format, round(asked.shard_size * 1e6))
    size = f"{plan.bytes / 1e6:,.1f} MB"
    say(f"{plan.images:,} images of {len(plan.classes)} classes, {size}, into {counted(len(plan.tasks), 'shard')}")
    with progress("packing", plan.images, "images") as advance:
        outcome = pack(plan, asked.target, asked.format, asked.workers, asked.max_bad_images, advance)
    for error in outcome.bad[:20]:
        warn(f"left out: {error}")
    if outcome.bad:
        warn(f"{counted(len(outcome.bad), 'unreadable image')} left out in all")
    rows = [(name, f"{split.images:,}", str(len(split.shards))) for name, split in outcome.manifest.splits.items()]
    table(f"{outcome.bytes / 1e6:,.1f} MB, {outcome.kept} shards kept", ("split", "images", "shards"), rows)
    layout = {"parquet": "hfds", "wds": "wds"}[asked.format]
    next_steps(_next(f"{layout}/{asked.target}"))
    return 0


def _index(arguments: Sequence[str]) -> int:
    asked = parse(Index, "data index", _INDEX, arguments)

    from parcnet.base import UserError, next_steps, progress, table
    from parcnet.data.shards.pack import index

    names = None
    if asked.classes is not None:
        try:
            names = asked.classes.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"cannot read {asked.classes}: {error}. Expected one class name a line.") from None
    shards = len(list(asked.folder.glob("*.tar")))
    with progress("reading shards", shards, "shards") as advance:
        manifest = index(asked.folder, names, advance)
    rows = [(name, f"{split.images:,}", str(len(split.shards))) for name, split in manifest.splits.items()]
    table(f"{manifest.name}: {len(manifest.classes)} classes", ("split", "images", "shards"), rows)
    next_steps(_next(f"wds/{asked.folder}"))
    return 0


def _next(data_dir: str) -> list[tuple[str, str]]:
    quoted = shlex.quote(data_dir)
    return [
        (f"parcnet train --data-dir {quoted} --dry-run", "what a training on it would do, and how long it takes"),
        (f"parcnet bench loader --data-dir {quoted}", "how many images a second this machine reads"),
    ]


_WHAT: dict[str, Callable[[Sequence[str]], int]] = {"pack": _pack, "index": _index}
