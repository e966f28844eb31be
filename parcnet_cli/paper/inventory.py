"""`parcnet paper list`: every table and figure of the three texts."""

from collections.abc import Sequence

from parcnet_cli.common.arguments import parse
from parcnet_cli.paper.table_output import TableOptions, markdown_of, output_format, print_table

_DESCRIPTION = """\
Lists the 17 tables and 15 figures of the three texts. `counted` and `measured` are available here, `recipe only` needs
data and GPUs, `not reproducible` states the reason.

  parcnet paper list
  parcnet paper list --markdown
"""


def run(arguments: Sequence[str]) -> int:
    """Prints the list; exit code 0. Raises `UserError`."""
    options = parse(TableOptions, "paper list", _DESCRIPTION, arguments)

    from parcnet.base import next_steps
    from parcnet_lab.paper import table_views

    shown = table_views.inventory()
    as_json = [dict(zip(shown.columns, row, strict=True)) for row in shown.rows]
    print_table(options, shown, lambda: as_json, lambda: markdown_of(shown))
    if output_format(options) == "table":
        next_steps([("parcnet paper iccv-table2", "a table compared with our counts, in seconds")])
    return 0
