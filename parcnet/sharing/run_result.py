"""The figures of a run for its model card: result.json, checked."""

from pathlib import Path
from typing import Any

from parcnet.base import UserError
from parcnet.base.untrusted import parse_json


def read_result(run: Path) -> dict[str, Any]:
    """The `result.json` of a run folder, or beside a checkpoint; empty where there is none.

    Raises `UserError` for one that cannot be read or holds something else.
    """
    path = (run if run.is_dir() else run.parent) / "result.json"
    if not path.is_file():
        return {}
    try:
        result = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}. Restore it, or remove it to go on without.") from None
    if not isinstance(result, dict) or not _expected(result):
        raise UserError(f"{path} is not the result of a run, or is damaged. Restore it, or remove it to go on without.")
    return result


def _expected(result: dict[str, Any]) -> bool:
    numbers = (int, float)
    tables = [result.get(name) or {} for name in ("val", "test", "images")]
    return (
        all(isinstance(each, dict) for each in tables)
        and all(isinstance(value, numbers) for each in tables for value in each.values())
        and all(isinstance(result.get(name, ""), str) for name in ("command", "machine"))
        and isinstance(result.get("seconds", 0), numbers)
        and ("seconds" in result) <= ("machine" in result)
    )
