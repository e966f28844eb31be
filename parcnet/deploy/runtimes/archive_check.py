"""What a torch.export archive (.pt2) may hold, checked before torch opens it: torch would run code that one brings.

Compiled libraries are loaded, symbolic sizes and guards are evaluated as Python, and pickled values are unpickled. An
archive of `parcnet export` is a graph of named operators on tensors.
"""

import json
import os
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from parcnet.base import UserError

_OPERATORS = ("torch.ops.aten.", "torch.ops.torchvision.", "_operator.", "math.", "torch.sym_")
_FOLDERS = ("models", "data", "extra", ".data", "archive_format", "archive_version", "byteorder", "version")
_SYMBOL = re.compile(r"'[a-z]+\d+'")
_NAME = re.compile(r"[A-Za-z_]\w*")
_WORDS = frozenset(
    _NAME.findall("""
    Symbol positive nonnegative integer real True False Integer Rational oo int_oo Add Mul Pow Max Min Abs Mod PythonMod
    FloorDiv CeilDiv CleanDiv IntTrueDiv FloatTrueDiv PowByNatural TruncToInt FloorToInt CeilToInt RoundToInt ToFloat
    Eq Ne Le Lt Ge Gt Equality Unequality LessThan StrictLessThan GreaterThan StrictGreaterThan And Or Not true false
    """)
)
"""Sympy's and torch's names in sizes and conditions on sizes."""
_LARGEST_GRAPH = 256 << 20
_environment = threading.Lock()


def check_archive(path: Path) -> None:
    """Raises `UserError` for an archive that holds anything but a graph of known operators, tensors and metadata."""
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                parts = entry.filename.split("/")
                if len(parts) < 2 or parts[1] not in _FOLDERS or "aotinductor" in parts or ".." in parts:
                    raise UserError(f"{path} holds {entry.filename!r}, which `parcnet export` does not write.")
                if parts[1] == "models":
                    _check_graph(path, archive, entry)
    except (zipfile.BadZipFile, OSError, ValueError, RecursionError, NotImplementedError) as error:
        raise UserError(f"{path} is not a torch.export archive, or is truncated: {error}") from None


@contextmanager
def tensors_only() -> Iterator[None]:
    """In the block torch unpickles tensors and plain values alone, wherever an archive is read."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    with _environment:
        before = os.environ.get(name)
        os.environ[name] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before


def _check_graph(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    if entry.file_size > _LARGEST_GRAPH:
        raise UserError(f"{path} holds a graph of {entry.file_size:,} bytes; expected at most {_LARGEST_GRAPH:,}.")
    pending: list[Any] = [json.loads(archive.read(entry))]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            pending += value.values()
            operator, expression = value.get("target"), value.get("expr_str")
            if "inputs" in value and isinstance(operator, str) and not operator.startswith(_OPERATORS):
                raise UserError(f"{path} calls {operator[:80]!r}, which is no operator that `parcnet export` writes.")
            if expression is not None and not _harmless(expression):
                raise UserError(f"{path} holds the size {str(expression)[:80]!r}, which is no expression of sizes.")


def _harmless(expression: Any) -> bool:
    """Whether a symbolic size, which torch evaluates, names nothing but symbols and arithmetic."""
    if not isinstance(expression, str) or len(expression) > 1000:
        return False
    rest = _SYMBOL.sub("", expression)
    names = set(_NAME.findall(rest))
    return not set(rest) & set("'\"[]{}\\.;:@") and all(
        name in _WORDS or re.fullmatch(r"[su]\d+", name) for name in names
    )
