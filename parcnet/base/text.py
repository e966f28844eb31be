"""Text that every encoding and file format can hold, and numbers in texts."""

import re

_WHOLE = re.compile(r"-?[0-9]{1,18}")


def printable(text: str) -> str:
    r"""`text` without surrogates: what was no UTF-8 in a file name becomes an escape such as `\xe9`.

    Python keeps such bytes of a name as surrogates, which JSON writers, parquet, safetensors and terminals refuse.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def whole_number(text: str) -> int | None:
    """The number in a text of an optional minus and at most 18 decimal digits; None for any other text.

    `str.isdigit` accepts superscripts, which `int` refuses, as it refuses thousands of digits.
    """
    return int(text) if _WHOLE.fullmatch(text) else None
