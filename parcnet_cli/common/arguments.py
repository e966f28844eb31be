"""Argument parsing of all commands."""

from collections.abc import Sequence
from typing import TypeVar

import tyro

from parcnet_cli.common.ranges import check_ranges

T = TypeVar("T")


def parse(kind: type[T], command: str, description: str, arguments: Sequence[str], default: T | None = None) -> T:
    """Parses `arguments` into the dataclass `kind`, whose fields become flat flags.

    `default` replaces the defaults of `kind`. Raises SystemExit after printing help (code 0) or an error (code 2), and
    `UserError` for a number out of range.
    """
    options = tyro.cli(
        kind,
        prog=f"parcnet {command}",
        description=description,
        args=list(arguments),
        default=tyro.MISSING_NONPROP if default is None else default,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    check_ranges(options)
    return options


def parse_known(kind: type[T], arguments: Sequence[str]) -> T:
    """Parses the flags of `kind` among `arguments`, before the other flags and their defaults are known.

    Ignores --help and errors, which the full parser handles.
    """
    known, _ = tyro.cli(
        kind,
        args=list(arguments),
        return_unknown_args=True,
        add_help=False,
        console_outputs=False,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    return known
