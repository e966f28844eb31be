"""Dispatch of subcommands: `parcnet bench ops` runs the module registered for `ops`."""

import importlib
from collections.abc import Mapping, Sequence

HELP_FLAGS = ("-h", "--help", "help")


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Whether to print the overview: there is no argument, or the first is a help flag."""
    return not arguments or arguments[0] in HELP_FLAGS


def run_subcommand(command: str, overview: str, modules: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Runs `parcnet COMMAND SUBCOMMAND ...` and returns its exit code.

    Prints `overview` for a help flag or no argument. `modules` maps the name of a subcommand to a module with
    `run(arguments) -> exit code`, imported only when needed. Raises `UserError` for an unknown name.
    """
    if asks_for_help(arguments):
        print(overview, end="")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in modules:
        from parcnet.base import unknown  # here, because the library takes seconds to load

        raise unknown(f"{command} command", name, modules, f"`parcnet {command} --help` describes them all.")
    return importlib.import_module(modules[name]).run(rest)
