"""`parcnet paper contradictions`: where the texts disagree."""

from collections.abc import Sequence

from parcnet_cli.common.arguments import parse
from parcnet_cli.paper.table_output import TableOptions, print_table

_DESCRIPTION = """\
Where the texts contradict themselves, each other or the released code, and what this library does.

  parcnet paper contradictions
  parcnet paper contradictions --markdown -o docs/paper_and_code.md
"""


def run(arguments: Sequence[str]) -> int:
    """Prints or writes them; exit code 0. Raises `UserError`."""
    options = parse(TableOptions, "paper contradictions", _DESCRIPTION, arguments)

    from dataclasses import asdict

    from parcnet_lab.paper import table_views
    from parcnet_lab.paper.printed import contradictions

    as_json = [asdict(each) for each in contradictions()]
    print_table(options, table_views.contradictions_view(), lambda: as_json, table_views.contradictions_page)
    return 0
