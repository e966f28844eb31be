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
