"""Commands that have subcommands: `parcnet bench ops` runs the module that the table of `bench` names for `ops`."""

import importlib
from collections.abc import Mapping, Sequence

HELP_FLAGS = ("-h", "--help", "help")


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Whether the overview of a command is wanted: no argument, or a help flag first."""
    return not arguments or arguments[0] in HELP_FLAGS


def run_subcommand(command: str, overview: str, modules: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Runs `parcnet COMMAND SUBCOMMAND ...` and returns its exit code; prints `overview` when help is wanted.

    `modules` maps the name of a subcommand to a module with `run(arguments) -> exit code`, which is imported only when
    it is needed. Raises `UserError` for an unknown name.
    """
    if asks_for_help(arguments):
        print(overview, end="")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in modules:
        from parcnet.base import unknown  # here, because the library takes seconds to load

        raise unknown(f"{command} command", name, modules, f"`parcnet {command} --help` explains them all.")
    return importlib.import_module(modules[name]).run(rest)
