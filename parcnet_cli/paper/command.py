"""`parcnet paper`: the tables and figures of the three texts beside what is counted and drawn here."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from rich.markup import escape

from parcnet_cli.common.arguments import parse
from parcnet_cli.common.pictures import check_picture
from parcnet_cli.paper.arguments import CONTRADICTIONS, FIGURE, HELP, LIST, TABLE, Figure, Print

if TYPE_CHECKING:
    from parcnet_lab.bench.views import View
    from parcnet_lab.paper.printed import PrintedFigure, PrintedTable


def run(arguments: Sequence[str]) -> int:
    """Prints, writes or draws; exit code 0. Raises `UserError`."""
    arguments = list(arguments)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    what, rest = arguments[0], arguments[1:]
    if what in _WHAT:
        return _WHAT[what](rest)

    from parcnet_lab.paper.printed import PrintedTable, item  # here, for the library takes seconds to load

    found = item(what)
    return _table(found, rest) if isinstance(found, PrintedTable) else _figure(found, rest)


def _list(arguments: Sequence[str]) -> int:
    asked = parse(Print, "paper list", LIST, arguments)

    from parcnet.base import next_steps
    from parcnet_lab.paper import table_views

    shown = table_views.inventory()
    as_json = [dict(zip(shown.columns, row, strict=True)) for row in shown.rows]
    _print(asked, shown, lambda: as_json, lambda: _markdown(shown), [])
    if _for_people(asked):
        next_steps([("parcnet paper iccv-table2", "one table beside our counts, at once")])
    return 0


def _contradictions(arguments: Sequence[str]) -> int:
    asked = parse(Print, "paper contradictions", CONTRADICTIONS, arguments)

    from dataclasses import asdict

    from parcnet_lab.paper import table_views
    from parcnet_lab.paper.printed import contradictions

    as_json = [asdict(each) for each in contradictions()]
    _print(asked, table_views.contradictions_view(), lambda: as_json, table_views.contradictions_page, [])
    return 0


def _claims(arguments: Sequence[str]) -> int:
    from parcnet_cli.paper.command import claims as paper_claims

    return paper_claims.run(arguments)


def _table(table: "PrintedTable", arguments: Sequence[str]) -> int:
    asked = parse(Print, f"paper {table.name}", TABLE.format(name=table.name, title=table.title), arguments)

    from parcnet.base import next_steps, progress
    from parcnet_lab.paper import comparison, table_views

    _form(asked)
    rows = []
    with progress("counting", len(table.rows), "networks") as advance:
        for row in comparison.compare(table):
            rows.append(row)
            advance(1, row.row.model)
    shown, remarks = table_views.table_view(table, rows)
    _print(
        asked,
        shown,
        lambda: comparison.to_dict(table, rows),
        lambda: table_views.table_markdown(table, rows),
        table_views.remarks_of(table, remarks),
    )
    recipes = list(dict.fromkeys(row.recipe for row in rows if row.recipe))
    if _for_people(asked) and recipes:
        next_steps([(f"parcnet train -c {recipes[0]} --data-dir DIR", "would train a row of ours, on GPUs")])
    return 0


def _figure(figure: "PrintedFigure", arguments: Sequence[str]) -> int:
    asked = parse(Figure, f"paper {figure.name}", FIGURE.format(name=figure.name, title=figure.title), arguments)

    from parcnet.base import UserError, check_writable, say
    from parcnet_lab.paper import table_views

    if figure.draws is None:
        states = "; ".join(f"{state}: {what}" for state, what in figure.states.items())
        raise UserError(f"{figure.text}, {figure.number} ({figure.title}) is not drawn here. {states}.")
    if asked.output is None:
        raise UserError(f"{figure.name} is a picture; say where to draw it: {table_views.command_for(figure)}")
    check_picture("--output", asked.output)
    check_writable(asked.output)

    from parcnet_lab.paper.drawings import DrawingOptions, draw

    options = DrawingOptions(asked.output, asked.checkpoint, asked.results, asked.measure, asked.device)
    for line in [*draw(figure, options), *table_views.said_of(figure.name)]:
        say(escape(line))
    say(f"drawn in {escape(str(asked.output))}")
    return 0


def _form(asked: Print) -> Literal["json", "markdown", "table"]:
    """What the flags or the suffix of --output ask for. Raises `UserError`, so ask before any work."""
    from parcnet.base import UserError, check_writable

    suffix = "" if asked.output is None else asked.output.suffix.lower()
    if asked.output is not None:
        check_writable(asked.output)
    if asked.as_json and asked.markdown:
        raise UserError("--json and --markdown exclude each other: name one.")
    if asked.as_json or (suffix == ".json" and not asked.markdown):
        return "json"
    if asked.markdown or suffix == ".md":
        return "markdown"
    if asked.output is not None:
        raise UserError(f"--output is {str(asked.output)!r}; expected a file that ends in .md or .json.")
    return "table"


def _print(
    asked: Print, shown: "View", as_json: Callable[[], Any], markdown: Callable[[], str], beneath: Sequence[str]
) -> None:
    from parcnet.base import say, table, write_text

    match _form(asked):
        case "json":
            text = json.dumps(as_json(), indent=2, ensure_ascii=False) + "\n"
        case "markdown":
            text = markdown()
        case "table":
            table(shown.title, shown.columns, shown.rows)
            for line in beneath:
                say(escape(line))
            return
    if asked.output is None:
        print(text, end="")
        return
    write_text(asked.output, text)
    print(f"kept in {asked.output}", file=sys.stderr)


def _markdown(shown: "View") -> str:
    from parcnet_lab.bench.tables import markdown_table

    return "\n".join([*markdown_table(shown.columns, shown.rows), ""])


def _for_people(asked: Print) -> bool:
    return _form(asked) == "table"


_WHAT: dict[str, Callable[[Sequence[str]], int]] = {
    "list": _list,
    "contradictions": _contradictions,
    "claims": _claims,
}
