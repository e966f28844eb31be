"""The range of each recipe field: stated beside the field, checked in one place.

    epochs: Annotated[int, Range(1, EPOCHS, "epochs")] = 30

Bounds are generous: they exclude values that hang, crash or overflow, not unusual ones.
"""

import typing
from dataclasses import dataclass, fields
from functools import cache
from numbers import Integral, Real
from typing import Any

from parcnet.base.errors import UserError
from parcnet.recipes.values import shortened

COUNT = 10**9
"""Largest count of steps, images or intervals."""
EPOCHS = 10**6
BATCH = 10**6
PROCESSES = 512
"""Most worker processes of a loader."""
THREADS = 1024
"""Most CPU threads; OpenMP crashes at some tens of thousands."""
PIXELS = 16_384
"""Longest side of an image."""
RATE = 1e30
"""Largest learning rate: no published one is above 100, but fp32 still holds it, and training reports divergence."""
CHARACTERS = 4096
"""Longest text, e.g. of a path."""


@dataclass(frozen=True, slots=True)
class Range:
    """The range of a number, or of each number of a tuple; NaN is in no range."""

    lowest: float
    highest: float
    unit: str = ""
    above: bool = False
    """Excludes `lowest`."""
    below: bool = False
    """Excludes `highest`."""

    def __contains__(self, value: Any) -> bool:
        over = self.lowest < value if self.above else self.lowest <= value
        under = value < self.highest if self.below else value <= self.highest
        return over and under

    def __str__(self) -> str:
        lower = f"above {self.lowest:g}" if self.above else f"at least {self.lowest:g}" if self.lowest else "0 or more"
        upper = f"{'below' if self.below else 'at most'} {self._exact(self.highest)}"
        return f"{lower} and {upper} {self.unit}".rstrip()

    @staticmethod
    def _exact(number: float) -> str:
        return str(number) if isinstance(number, int) else f"{number:g}"


@dataclass(frozen=True, slots=True)
class Longest:
    """The largest number of characters of a text; `CHARACTERS` where a field does not state its own."""

    characters: int


def check_ranges(section: Any) -> None:
    """Raises `UserError`, which names field, value, range and default, unless each field of `section` is in range.

    Optional fields may be None.
    """
    kind: Any = type(section)
    for field in fields(section):
        value = getattr(section, field.name)
        limits = _limits(kind)[field.name]
        if isinstance(value, str):
            expected = _text(value, limits.longest)
        elif limits.range is None or value is None:
            continue
        else:
            expected = _number(value, limits.range, limits.whole)
        if expected is not None:
            default = "null" if field.default is None else field.default
            raise UserError(f"{field.name} is {shortened(value)}; expected {expected}. Its default is {default}.")


def _text(value: str, longest: int) -> str | None:
    """What was expected of a text; None if it is so."""
    if len(value) > longest:
        return f"at most {longest} characters, not {len(value)}"
    return "a text without null characters" if "\0" in value else None


def _number(value: Any, limits: Range, whole: bool) -> str | None:
    """What was expected of a number or of several; None if it is so."""
    kind = Integral if whole else Real
    for each in value if isinstance(value, tuple | list) else (value,):
        if isinstance(each, bool) or not isinstance(each, kind):
            return f"a {'whole ' if whole else ''}number, {limits}"
        if each not in limits:
            return str(limits)
    return None


@dataclass(frozen=True, slots=True)
class _Limits:
    range: Range | None
    whole: bool
    """Whether only whole numbers are allowed."""
    longest: int


@cache
def _limits(section: type) -> dict[str, _Limits]:
    """Field -> what its annotation states."""
    plain = typing.get_type_hints(section)
    found = {}
    for name, hint in typing.get_type_hints(section, include_extras=True).items():
        stated = getattr(hint, "__metadata__", ())
        limits = next((each for each in stated if isinstance(each, Range)), None)
        longest = next((each.characters for each in stated if isinstance(each, Longest)), CHARACTERS)
        kinds = typing.get_args(plain[name]) or (plain[name],)
        found[name] = _Limits(limits, float not in kinds, longest)
    return found
