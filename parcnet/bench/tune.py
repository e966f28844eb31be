"""The table behind `auto`: measured rows in the form that the dispatcher reads."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from parcnet.ops.oversized import tuning

_KEYS = ("dtype", "training", "channels_last", "channels", "height", "width", "batch")


def table_rows(rows: Iterable[Mapping[str, Any]], device: str) -> list[tuning.Row]:
    """Rows of `ops.measure` as rows of the tuned table, for a class of devices.

    Cases in which nothing could be timed are left out.
    """
    return [
        tuning.Row(
            device=device,
            times_ms={name: round(timing["median_ms"], 4) for name, timing in row["times"].items()},
            **{key: row[key] for key in _KEYS},
        )
        for row in rows
        if row["times"]
    ]


def save(rows: Iterable[Mapping[str, Any]], device: str, path: Path, measured: Mapping[str, Any]) -> None:
    """Puts rows into the table at `path`, with how they came about; see `tuning.save_table`.

    Rows there of other devices stay, and so do those of this class whose kind (dtype, training or not, layout) was not
    measured now.
    """
    new = table_rows(rows, device)
    kinds = {_kind(row) for row in new}
    old = tuning.read_table(path) if path.is_file() else ()
    tuning.save_table([*(row for row in old if row.device == device and _kind(row) not in kinds), *new], path, measured)


def _kind(row: tuning.Row) -> tuple[str, bool, bool]:
    return row.dtype, row.training, row.channels_last
