"""The tuned table: the time of each algorithm on a grid of cases, by device class."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from parcnet.base.errors import UserError
from parcnet.base.files import write_text
from parcnet.base.untrusted import parse_json
from parcnet.ops.oversized.device_class import nearest_class

FORMAT = 1
SHIPPED = Path(__file__).with_name("tuned.json")
_REMEDY = "measure it again with `parcnet bench tune`"


@dataclass(frozen=True, slots=True)
class TunedRow:
    """One case: the median time in milliseconds of each supported algorithm, including memory format conversions.

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
    rows: Iterable[TunedRow | Mapping[str, Any]], path: str | Path, measured: Mapping[str, Any] | None = None
) -> None:
    """Write `rows` atomically. In an existing table they replace their device classes; the others are kept.

    `measured` is stored with them: how they were measured (command, machine, versions, date).
    Raises ValueError for a row with missing, unknown or invalid fields.
    """
    parsed = [row if isinstance(row, TunedRow) else _row(row) for row in rows]
    path = Path(path)
    parts = _parts(path) if path.is_file() else {}
    for device in dict.fromkeys(row.device for row in parsed):
        fields = [asdict(row) for row in parsed if row.device == device]
        parts[device] = {"measured": dict(measured or {}), "rows": fields}
    write_text(path, _text(parts))


def read_table(path: str | Path) -> tuple[TunedRow, ...]:
    """All rows of a table. Raises UserError for any other file."""
    path = Path(path)
    try:
        return tuple(_row(row) for part in _parts(path).values() for row in part["rows"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not a table of timings ({error}): {_REMEDY}") from error


def measured(device: str, path: str | Path | None = None) -> dict[str, Any]:
    """How the rows of a device class were measured, as given to `save_table`; empty if unknown."""
    measurement: dict[str, Any] = _parts(Path(path or _Active.path)).get(device, {}).get("measured", {})
    return measurement


def use_table(path: str | Path | None) -> None:
    """Make `auto` use the table at `path`, in this process; None: the shipped one."""
    chosen = SHIPPED if path is None else Path(path)
    read_table(chosen)
    _Active.path = chosen
    _Active.generation += 1


def generation() -> int:
    """Grows with each `use_table`, which invalidates the caches."""
    return _Active.generation


def rows_for(device: str, dtype: str, training: bool, channels_last: bool) -> tuple[TunedRow, ...]:
    """The rows of this kind in the active table, of the device class nearest to `device`."""
    groups = _grouped(_Active.path, _Active.generation)
    known = dict.fromkeys(kind[0] for kind in groups if kind[1:] == (dtype, training, channels_last))
    return groups.get((nearest_class(device, known) or "", dtype, training, channels_last), ())


class _Active:
    path = SHIPPED
    generation = 0


# `generation` is part of the cache's key: another table, another result
@lru_cache(maxsize=1)
def _grouped(path: Path, generation: int) -> dict[tuple[str, str, bool, bool], tuple[TunedRow, ...]]:  # noqa: ARG001
    """The active table, read on first use."""
    groups: dict[tuple[str, str, bool, bool], tuple[TunedRow, ...]] = {}
    for row in read_table(path):
        kind = (row.device, row.dtype, row.training, row.channels_last)
        groups[kind] = (*groups.get(kind, ()), row)
    return groups


def _parts(path: Path) -> dict[str, Any]:
    try:
        table = parse_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read the table of timings {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is not a table of timings ({error}): {_REMEDY}") from error
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        version = table.get("format") if isinstance(table, dict) else None
        raise UserError(f"{path} has table format {version}, this version of parcnet reads {FORMAT}: {_REMEDY}")
    parts: dict[str, Any] = table["devices"]
    return parts


def _row(fields: Mapping[str, Any]) -> TunedRow:
    known = set(TunedRow.__dataclass_fields__)
    if set(fields) != known:
        raise ValueError(f"a row has the fields {sorted(known)}, got {sorted(fields)}")
    return TunedRow(**fields)


def _text(parts: Mapping[str, Any]) -> str:
    """JSON with one row per line, so that the diff of a new measurement is readable."""
    blocks = []
    for device, part in parts.items():
        head = f'  {json.dumps(device)}: {{"measured": {json.dumps(part["measured"])}, "rows": ['
        lines = ",\n".join("    " + json.dumps(row) for row in part["rows"])
        blocks.append(f"{head}\n{lines}\n  ]}}")
    return f'{{"format": {FORMAT}, "devices": {{\n' + ",\n".join(blocks) + "\n}}\n"
