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
Lists our networks. Parameters and MACs are counted here, at the input size shown. The paper's top-1 is what the
authors published for ImageNet-1K, after 300 epochs where nothing else is said beside it: parcnet comes with no
weights, and we have not reproduced it. SLaK's is of sparse weights, the network here is dense.

  parcnet models
  parcnet models --json
  parcnet models --markdown
  parcnet train --model NAME --data-dir DIR
"""


@dataclass(frozen=True)
class Arguments:
    """How to print the list."""

    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """One JSON list, an object for each network."""
    markdown: bool = False
    """A Markdown table, as the README shows it."""


def run(arguments: Sequence[str]) -> int:
    """Prints the list; exit code 0."""
    asked = parse(Arguments, "models", _DESCRIPTION, arguments)

    from parcnet.base import progress, table  # here, for the library takes seconds to load
    from parcnet.models.catalogue import entry, names

    entries = []
    with progress("counting", len(names()), "networks") as advance:
        for name in names():
            entries.append(entry(name))
            advance(1, name)
    entries.sort(key=lambda entry: entry.params)
    if asked.as_json:
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
    if asked.markdown:
        for row in (columns, ("---",) * len(columns), *rows):
            print(f"| {' | '.join(row)} |")
    else:
        table("Networks", columns, rows)
    return 0


def _published(entry: "Entry") -> str:
    if entry.paper_top1 is None:
        return "-"
    return f"{entry.paper_top1:.1f} %" + (f" ({entry.paper_condition})" if entry.paper_condition else "")
