"""Result files: figures with the command, machine, versions and date of their measurement."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from parcnet.base import UserError, write_json

FOLDER = "benchmarks/results"
KINDS = (
    "ops",
    "models",
    "train",
    "memory",
    "loader",
    "scaling",
    "merge",
    "profile",
    "tune",
    "seeds",
    "faults",
    "deploy",
    "coins",
    "segmentation",
)

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """A result of `parcnet bench`. `machine` is from `machine.describe`; `rows` are JSON objects of its kind."""

    kind: str
    command: str
    machine: Mapping[str, Any]
    settings: Mapping[str, Any]
    rows: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)

    @property
    def stem(self) -> str:
        """The default file name without suffix: kind, device class, and what differs from fp32 inference."""
        parts = [self.kind, self.machine["device_class"]]
        parts += [self.machine["dtype"]] if self.machine["dtype"] != "fp32" else []
        parts += ["training"] if self.settings.get("training") else []
        parts += [Path(self.settings["recipe"]).stem] if "recipe" in self.settings else []
        return "-".join(parts)

    def write(self, path: str | Path) -> Path:
        """Writes JSON atomically to a file, or to a folder under the default name; returns the file."""
        path = Path(path)
        if path.suffix != ".json":
            path = path / f"{self.stem}.json"
        write_json(path, self.to_dict())
        return path

    def to_dict(self) -> dict[str, Any]:
        """As JSON, with the format version."""
        return {"format": _FORMAT, **asdict(self)}


def read(path: str | Path) -> BenchmarkResult:
    """The result in a file. Raises `UserError` for a missing file and for JSON that is not one of ours."""
    path = Path(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror}. `parcnet bench WHAT --output {FOLDER}` makes one."
        ) from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}. Measure again with `parcnet bench`.") from None
    keys = {"format", "kind", "command", "machine", "settings", "rows", "notes"}
    if not isinstance(found, dict) or set(found) != keys or found["kind"] not in KINDS:
        raise UserError(f"{path} is not a result of `parcnet bench`: expected the keys {', '.join(sorted(keys))}.")
    if found.pop("format") != _FORMAT:
        raise UserError(
            f"{path} has another format version than {_FORMAT}. Measure again with `parcnet bench {found['kind']}`."
        )
    return BenchmarkResult(**found)
