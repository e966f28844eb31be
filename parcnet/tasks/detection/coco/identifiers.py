"""Ids of images, annotations and categories as exporters write them: numbers, or numbers as text."""

import re
from typing import Any

Identifier = int | str
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")
_LARGEST = 1 << 63


def identifier(value: Any) -> Identifier:
    """7, 7.0 and "7" are the same id; any other text is one as well. Raises ValueError for anything else."""
    if isinstance(value, str) and value:
        return int(value) if _NUMBER.fullmatch(value) else value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is int and abs(value) < _LARGEST:
        return value
    raise ValueError(f"{value!r} is not an id: expected a number or text")
