"""`parcnet data`: image folders packed into shards."""

from collections.abc import Sequence

from parcnet_cli.common.subcommands import run_subcommand

HELP = """\
parcnet data: shards, for training on data sets that outgrow one disk. Millions of small files are slow to list and to
copy; a few large ones are not.

  parcnet data pack SRC DST       packs a folder of images into parquet files or tar shards and verifies every image
  parcnet data index DIR          makes existing tar shards (webdataset) readable

Then: parcnet train --data-dir hfds/DST     parquet
      parcnet train --data-dir wds/DST      tar shards; wds/https://... streams them from a web server during training
`parcnet data SUBCOMMAND --help` shows every option.
"""

SUBCOMMANDS = {"pack": "parcnet_cli.data.pack", "index": "parcnet_cli.data.index"}


def run(arguments: Sequence[str]) -> int:
    """Runs a subcommand; returns its exit code. Raises `UserError`."""
    return run_subcommand("data", HELP, SUBCOMMANDS, arguments)
