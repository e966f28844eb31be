"""The tuned table of `auto`: measured rows in the form that the dispatcher reads."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from parcnet.ops.oversized import tuning

_KEYS = ("dtype", "training", "channels_last", "channels", "height", "width", "batch")


def table_rows(rows: Iterable[Mapping[str, Any]], device: str) -> list[tuning.TunedRow]:
    """Rows of `ops.measure` as rows of the tuned table, for a class of devices.

    Cases in which nothing could be timed are left out.
    """
    return [
        tuning.TunedRow(
            device=device,
            times_ms={name: round(timing["median_ms"], 4) for name, timing in row["times"].items()},
            **{key: row[key] for key in _KEYS},
        )
        for row in rows
        if row["times"]
    ]


def save(rows: Iterable[Mapping[str, Any]], device: str, path: Path, measured: Mapping[str, Any]) -> None:
    """Writes rows to the table at `path`, with how they were measured; see `tuning.save_table`.

    A row replaces that of the same case; the others stay, so that a measurement can be saved as it goes, in parts.
    `measured["command"]` is added to the commands of the other rows of this device class.
    """
    new = table_rows(rows, device)
    cases = {_case(row) for row in new}
    kept, commands = [], [measured["command"]]
    if path.is_file():
        kept = [row for row in tuning.read_table(path) if row.device == device and _case(row) not in cases]
        if kept and (known := tuning.measured(device, path).get("command")):
            commands = list(dict.fromkeys([*known.split("; "), *commands]))
    tuning.save_table([*kept, *new], path, {**measured, "command": "; ".join(commands)})


def _case(row: tuning.TunedRow) -> tuple[Any, ...]:
    return tuple(getattr(row, key) for key in _KEYS)
