"""One way to parse the arguments of every command."""

from collections.abc import Sequence
from typing import TypeVar

import tyro

T = TypeVar("T")


def parse(kind: type[T], command: str, description: str, arguments: Sequence[str], default: T | None = None) -> T:
    """`arguments` as a dataclass `kind`, its fields being flat flags.

    `default` replaces the defaults of `kind`. Raises SystemExit after help (code 0) and after naming a mistake (2).
    """
    return tyro.cli(
        kind,
        prog=f"parcnet {command}",
        description=description,
        args=list(arguments),
        default=tyro.MISSING_NONPROP if default is None else default,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )


def parse_known(kind: type[T], arguments: Sequence[str]) -> T:
    """Parses the flags of `kind` among `arguments`, before the other flags and their defaults are known.

    Help and mistakes are left to the whole parser: this one ignores both.
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
