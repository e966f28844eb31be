"""The tuned table: what each algorithm took on a grid of cases, as data, one part a device class."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from parcnet.base.errors import UserError
from parcnet.base.files import write_text
from parcnet.ops.oversized.device_class import nearest_class

FORMAT = 1
SHIPPED = Path(__file__).with_name("tuned.json")
_REMEDY = "measure it again with `parcnet bench tune`"


@dataclass(frozen=True, slots=True)
class Row:
    """One case: the median time in milliseconds of each algorithm that took it, layout changes counted.

    device     a device class, as `device_class` names it
    dtype      "float32", "bfloat16", ...
    training   forward and all three gradients; else the forward pass alone
    """

    device: str
    dtype: str
    training: bool
    channels_last: bool
    channels: int
    height: int
    width: int
    batch: int
    times_ms: Mapping[str, float]

    def __post_init__(self) -> None:
        sizes = (self.channels, self.height, self.width, self.batch)
        if not all(type(size) is int and size > 0 for size in sizes):
            raise ValueError(f"channels, height, width and batch are positive whole numbers, got {sizes}")
        if not self.times_ms or not all(time > 0 for time in self.times_ms.values()):
            raise ValueError(f"times_ms holds a positive time for each algorithm, got {dict(self.times_ms)}")


def save_table(
    rows: Iterable[Row | Mapping[str, Any]], path: str | Path, measured: Mapping[str, Any] | None = None
) -> None:
    """Write `rows`, atomically. In an existing table the device classes measured now are replaced, others are kept.

    `measured` says how the rows came about (command, machine, versions, date); it is kept beside them.
    Raises ValueError for a row that lacks a field or holds a wrong one.
    """
    parsed = [row if isinstance(row, Row) else _row(row) for row in rows]
    path = Path(path)
    parts = _parts(path) if path.is_file() else {}
    for device in dict.fromkeys(row.device for row in parsed):
        mine = [asdict(row) for row in parsed if row.device == device]
        parts[device] = {"measured": dict(measured or {}), "rows": mine}
    write_text(path, _text(parts))


def read_table(path: str | Path) -> tuple[Row, ...]:
    """All rows of a table. Raises UserError when it is none."""
    path = Path(path)
    try:
        return tuple(_row(row) for part in _parts(path).values() for row in part["rows"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not a table of timings ({error}): {_REMEDY}") from error


def measured(device: str, path: str | Path | None = None) -> dict[str, Any]:
    """How the rows of a device class came about, as `save_table` was told; empty when nothing is known."""
    found: dict[str, Any] = _parts(Path(path or _Active.path)).get(device, {}).get("measured", {})
    return found


def use_table(path: str | Path | None) -> None:
    """Let `auto` choose by the table at `path`, in this process; None: by the shipped one."""
    chosen = SHIPPED if path is None else Path(path)
    read_table(chosen)
    _Active.path = chosen
    _Active.generation += 1


def generation() -> int:
    """Grows with each `use_table`: what was looked up before is void."""
    return _Active.generation


def rows_for(device: str, dtype: str, training: bool, channels_last: bool) -> tuple[Row, ...]:
    """The rows of the table in use that are of this kind, of the device class nearest to `device`."""
    groups = _grouped(_Active.path, _Active.generation)
    known = dict.fromkeys(kind[0] for kind in groups if kind[1:] == (dtype, training, channels_last))
    return groups.get((nearest_class(device, known) or "", dtype, training, channels_last), ())


class _Active:
    path = SHIPPED
    generation = 0


# another table, another `generation`, another answer: hence the argument that only the cache reads
@lru_cache(maxsize=1)
def _grouped(path: Path, generation: int) -> dict[tuple[str, str, bool, bool], tuple[Row, ...]]:  # noqa: ARG001
    """Read once, when first asked for."""
    groups: dict[tuple[str, str, bool, bool], tuple[Row, ...]] = {}
    for row in read_table(path):
        kind = (row.device, row.dtype, row.training, row.channels_last)
        groups[kind] = (*groups.get(kind, ()), row)
    return groups


def _parts(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the table of timings {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is not a table of timings ({error}): {_REMEDY}") from error
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        found = table.get("format") if isinstance(table, dict) else None
        raise UserError(f"{path} has table format {found}, this version reads {FORMAT}: {_REMEDY}")
    parts: dict[str, Any] = table["devices"]
    return parts


def _row(fields: Mapping[str, Any]) -> Row:
    known = set(Row.__dataclass_fields__)
    if set(fields) != known:
        raise ValueError(f"a row has the fields {sorted(known)}, got {sorted(fields)}")
    return Row(**fields)


def _text(parts: Mapping[str, Any]) -> str:
    """JSON with one row a line, so that a new measurement is a diff that can be read."""
    blocks = []
    for device, part in parts.items():
        head = f'  {json.dumps(device)}: {{"measured": {json.dumps(part["measured"])}, "rows": ['
        lines = ",\n".join("    " + json.dumps(row) for row in part["rows"])
        blocks.append(f"{head}\n{lines}\n  ]}}")
    return f'{{"format": {FORMAT}, "devices": {{\n' + ",\n".join(blocks) + "\n}}\n"
