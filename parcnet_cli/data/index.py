"""`parcnet data index`: an index and a manifest for existing tar shards."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from parcnet_cli.common.arguments import parse
from parcnet_cli.data.training_steps import training_steps

_DESCRIPTION = """\
Reads the tar shards in DIR, named like imagenet1k-train-0000.tar and holding NAME.jpg and NAME.cls, and writes an index
and manifest.json next to them. Nothing is copied.

  parcnet data index DIR --classes names.txt          one class name per line, for labels 0, 1, ...
"""


@dataclass(frozen=True)
class IndexOptions:
    """Which shards to index."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Folder with tar shards."""
    classes: Path | None = None
    """Text file with one class name per line. None: the classes are named 0, 1, ..."""


def run(arguments: Sequence[str]) -> int:
    """Indexes; returns exit code 0. Raises `UserError`."""
    options = parse(IndexOptions, "data index", _DESCRIPTION, arguments)

    # here, because the library takes seconds to load
    from parcnet.base import UserError, next_steps, progress, read_regular_text, table
    from parcnet.data.shards.pack import index

    names = None
    if options.classes is not None:
        try:
            names = read_regular_text(options.classes).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"cannot read {options.classes}: {error}. Expected one class name per line.") from None
    shards = len(list(options.folder.glob("*.tar")))
    with progress("reading shards", shards, "shards") as advance:
        manifest = index(options.folder, names, advance)
    rows = [(name, f"{split.images:,}", str(len(split.shards))) for name, split in manifest.splits.items()]
    table(f"{manifest.name}: {len(manifest.classes)} classes", ("split", "images", "shards"), rows)
    next_steps(training_steps(f"wds/{options.folder}"))
    return 0
