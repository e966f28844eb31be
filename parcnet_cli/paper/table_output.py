"""A table on the console or in a file, as text, Markdown or JSON: shared by everything `parcnet paper` prints."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.markup import escape

if TYPE_CHECKING:
    from parcnet_lab.bench.views import View


@dataclass(frozen=True)
class TableOptions:
    """Output format."""

    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print JSON instead of a table."""
    markdown: bool = False
    """Print Markdown instead of a table."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Write to this file instead; the suffix .md or .json selects the format."""


def output_format(options: TableOptions) -> Literal["json", "markdown", "table"]:
    """The format that the flags or the suffix of --output select. Raises `UserError`, so call it before any work."""
    from parcnet.base import UserError, check_writable

    suffix = "" if options.output is None else options.output.suffix.lower()
    if options.output is not None:
        check_writable(options.output)
    if options.as_json and options.markdown:
        raise UserError("--json and --markdown exclude each other: give one of them.")
    if options.as_json or (suffix == ".json" and not options.markdown):
        return "json"
    if options.markdown or suffix == ".md":
        return "markdown"
    if options.output is not None:
        raise UserError(f"--output is {str(options.output)!r}; expected a file that ends in .md or .json.")
    return "table"


def print_table(
    options: TableOptions,
    shown: "View",
    as_json: Callable[[], Any],
    markdown: Callable[[], str],
    remarks: Sequence[str] = (),
) -> None:
    """Prints `shown` with its `remarks`, or prints or writes what `as_json` or `markdown` return."""
    from parcnet.base import json_text, say, table, write_text

    match output_format(options):
        case "json":
            text = json_text(as_json(), 2) + "\n"
        case "markdown":
            text = markdown()
        case "table":
            table(shown.title, shown.columns, shown.rows)
            for line in remarks:
                say(escape(line))
            return
    if options.output is None:
        print(text, end="")
        return
    write_text(options.output, text)
    print(f"kept in {options.output}", file=sys.stderr)


def markdown_of(shown: "View") -> str:
    """The rows as a Markdown table."""
    from parcnet_lab.bench.tables import markdown_table

    return "\n".join([*markdown_table(shown.columns, shown.rows), ""])
