"""Text that every encoding and file format can hold."""

import json
import re
from typing import Any

_SURROGATES = re.compile("[\ud800-\udfff]")


def printable(text: str) -> str:
    r"""`text` without surrogates: what was no UTF-8 in a file name becomes an escape such as `\xe9`.

    Python keeps such bytes of a name as surrogates, which JSON writers, parquet, safetensors and terminals refuse.
    """
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a surrogate that stands for no byte, e.g. from JSON
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON that is readable and can be encoded: surrogates alone are escaped, and are read back.

    NaN and infinity raise ValueError, since most JSON parsers reject them.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    return _SURROGATES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
