"""`parcnet paper iccv-table2` and its like: a printed table compared with our counts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from parcnet_cli.common.arguments import parse
from parcnet_cli.paper.table_output import TableOptions, output_format, print_table

if TYPE_CHECKING:
    from parcnet_lab.paper.printed import PrintedTable

_DESCRIPTION = """\
{title}. Prints each row's values from the paper, the parameters and multiply-adds counted here, and the difference.

  parcnet paper {name}
  parcnet paper {name} --json
  parcnet paper {name} -o {name}.md
"""


def run_table(printed: "PrintedTable", arguments: Sequence[str]) -> int:
    """Counts and prints; exit code 0. Raises `UserError`."""
    description = _DESCRIPTION.format(name=printed.name, title=printed.title)
    options = parse(TableOptions, f"paper {printed.name}", description, arguments)

    from parcnet.base import next_steps, progress
    from parcnet_lab.paper import comparison, table_views

    kind = output_format(options)
    rows = []
    with progress("counting", len(printed.rows), "networks") as advance:
        for row in comparison.compare(printed):
            rows.append(row)
            advance(1, row.row.model)
    shown, remarks = table_views.table_view(printed, rows)
    print_table(
        options,
        shown,
        lambda: comparison.to_dict(printed, rows),
        lambda: table_views.table_markdown(printed, rows),
        table_views.remarks_of(printed, remarks),
    )
    recipes = list(dict.fromkeys(row.recipe for row in rows if row.recipe))
    if kind == "table" and recipes:
        next_steps([(f"parcnet train -c {recipes[0]} --data-dir DIR", "trains one of our rows, on GPUs")])
    return 0
