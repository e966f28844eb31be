"""JSON that anyone may have written: parsed and bounded before anything is built of it."""

import json
import math
from typing import Any

DEPTH = 32
"""Deepest nesting of a value from a file."""
TEXT = 10_000
"""Longest text in a value from a file, characters."""
ITEMS = 5_000_000
"""Most values in one JSON text: names of a million classes and their like."""


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text, no deeper and no longer than the bounds above.

    Raises ValueError for anything else, also where Python's parser would raise RecursionError.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEPTH} levels") from None
    check_bounded(value)
    return value


def check_bounded(value: Any) -> None:
    """Raises ValueError unless `value` is made of JSON's types, numbers are finite, and texts and depth are bounded."""
    level, items = [value], 0
    for _ in range(DEPTH + 1):
        items += len(level)
        if items > ITEMS:
            raise ValueError(f"it holds more than {ITEMS} values")
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += [*each.keys(), *each.values()]
            elif isinstance(each, list | tuple):
                below += each
            else:
                _check_scalar(each)
        if not below:
            return
        level = below
    raise ValueError(f"it is nested deeper than {DEPTH} levels")


def _check_scalar(value: Any) -> None:
    match value:
        case str():
            if len(value) > TEXT:
                raise ValueError(f"it holds a text of {len(value)} characters; expected at most {TEXT}")
        case int():
            if not -(2**63) <= value < 2**64:
                raise ValueError("it holds a whole number of more than 64 bits")
        case float():
            if not math.isfinite(value):
                raise ValueError(f"it holds the number {value}")
        case None:
            pass
        case _:
            raise ValueError(f"it holds a {type(value).__name__}, which JSON does not have")
