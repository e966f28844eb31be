"""`parcnet paper`: the papers' tables, figures and claims, compared with what is counted, drawn and measured here."""

from collections.abc import Sequence

from parcnet_cli.common.subcommands import asks_for_help, run_subcommand

HELP = """\
parcnet paper: the tables and figures of the ParCNetV2 papers, compared with what is counted and drawn here, and the
papers' claims as experiments. Texts: iccv (ICCV 2023), supp (its supplement), arxiv (arXiv v1).

  parcnet paper list                    every table and figure: its command, its requirements, its status here
  parcnet paper iccv-table2             a table: printed values, our counts, the difference, the recipe of each row
  parcnet paper iccv-figure3 -o FILE    a figure, drawn from the networks themselves
  parcnet paper contradictions          where the texts contradict themselves, and what this library does
  parcnet paper claims                  the papers' claims as experiments of a few minutes each

All accuracies are the authors'; nothing here was trained on ImageNet.
Some experiments need more packages: pip install 'parcnet[lab]'.
`parcnet paper SUBCOMMAND --help` shows every option.
"""

SUBCOMMANDS = {
    "list": "parcnet_cli.paper.inventory",
    "contradictions": "parcnet_cli.paper.contradictions",
    "claims": "parcnet_cli.paper.claims",
}
"""All other names are tables and figures."""


def run(arguments: Sequence[str]) -> int:
    """Prints, writes or draws; exit code 0. Raises `UserError`."""
    if asks_for_help(arguments) or arguments[0] in SUBCOMMANDS:
        return run_subcommand("paper", HELP, SUBCOMMANDS, arguments)

    from parcnet_cli.paper import figure, table
    from parcnet_lab.paper.printed import PrintedTable, item  # here, because the library takes seconds to load

    named = item(arguments[0])
    rest = arguments[1:]
    return table.run_table(named, rest) if isinstance(named, PrintedTable) else figure.run_figure(named, rest)
