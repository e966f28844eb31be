"""`parcnet models`: the networks and their sizes."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from parcnet_cli.common.arguments import parse

if TYPE_CHECKING:
    from parcnet.models.catalogue import Entry

_DESCRIPTION = """\
Lists the networks. Parameters and MACs are counted here, at the input size shown. The paper's top-1 is the authors'
for ImageNet-1K, after 300 epochs unless noted otherwise: parcnet ships no weights, and we have not reproduced it.
SLaK's top-1 is that of sparse weights; the network here is dense.

  parcnet models
  parcnet models --json
  parcnet models --markdown
  parcnet train --model NAME --data-dir DIR
"""


@dataclass(frozen=True)
class ModelsOptions:
    """Output format."""

    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print a JSON list with an object per network."""
    markdown: bool = False
    """Print a Markdown table, as in the README."""


def run(arguments: Sequence[str]) -> int:
    """Prints the list; exit code 0."""
    options = parse(ModelsOptions, "models", _DESCRIPTION, arguments)

    from parcnet.base import progress, table  # here, because the library takes seconds to load
    from parcnet.models.catalogue import entry, names

    entries = []
    with progress("counting", len(names()), "networks") as advance:
        for name in names():
            entries.append(entry(name))
            advance(1, name)
    entries.sort(key=lambda entry: entry.params)
    if options.as_json:
        print(json.dumps([dataclasses.asdict(entry) for entry in entries], indent=2))
        return 0
    columns = ("network", "parameters", "MACs", "input", "paper's top-1 (ImageNet-1K, not ours)")
    rows = [
        (
            entry.name,
            f"{entry.params / 1e6:.2f}M",
            f"{entry.macs / 1e9:.3f}G",
            " x ".join(map(str, entry.input_size)),
            _published(entry),
        )
        for entry in entries
    ]
    if options.markdown:
        for row in (columns, ("---",) * len(columns), *rows):
            print(f"| {' | '.join(row)} |")
    else:
        table("Networks", columns, rows)
    return 0


def _published(entry: "Entry") -> str:
    if entry.paper_top1 is None:
        return "-"
    return f"{entry.paper_top1:.1f} %" + (f" ({entry.paper_condition})" if entry.paper_condition else "")
