"""Whole numbers in texts that people type."""

import re

_WHOLE = re.compile(r"-?[0-9]{1,18}")


def whole_number(text: str) -> int | None:
    """The number in a text of an optional minus and at most 18 decimal digits; None for any other text.

    `str.isdigit` accepts superscripts, which `int` refuses, as it refuses thousands of digits.
    """
    return int(text) if _WHOLE.fullmatch(text) else None
