"""Text that every encoding and file format can hold."""


def printable(text: str) -> str:
    r"""`text` without surrogates: what was no UTF-8 in a file name becomes an escape such as `\xe9`.

    Python keeps such bytes of a name as surrogates, which JSON writers, parquet, safetensors and terminals refuse.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
