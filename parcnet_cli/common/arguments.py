"""One way to parse the arguments of every command."""

from collections.abc import Sequence
from typing import TypeVar

import tyro

T = TypeVar("T")


def parse(kind: type[T], command: str, description: str, arguments: Sequence[str], default: T | None = None) -> T:
    """Parses `arguments` into the dataclass `kind`, whose fields become flat flags.

    `default` replaces the defaults of `kind`. Raises SystemExit after printing help (code 0) or an error (code 2).
    """
    return tyro.cli(
        kind,
        prog=f"parcnet {command}",
        description=description,
        args=list(arguments),
        default=tyro.MISSING_NONPROP if default is None else default,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )
