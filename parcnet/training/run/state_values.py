"""Validates the JSON values of a training state before they are used."""

from collections.abc import Mapping
from typing import Any

from parcnet.base import UserError

_KINDS: dict[str, type] = {
    "recipe": dict,
    "classes": list,
    "images": dict,
    "own_order": bool,
    "steps_per_epoch": int,
    "world": str,
    "machine": str,
    "versions": dict,
    "logs": dict,
    "position": dict,
    "optimizer": dict,
    "scaler": dict,
}
"""Values in every state."""
_ADDED: dict[str, type] = {"data": dict, "run": str, "start": str, "processor": str, "files": dict}
"""Values that states of parcnet 1.0 lack."""
_PROGRESS: dict[str, type] = {"epoch": int, "done": int, "losses": list, "skipped": int}
_LONGEST = 2**40
"""Bound on steps, epochs and bytes."""


def check_state_values(values: Mapping[str, Any], source: str) -> None:
    """Raises `UserError` naming the file `source` for values that are missing, of a wrong type or out of range."""
    for name, kind in (_KINDS | _ADDED).items():
        if name not in values and name in _ADDED:
            continue
        if type(values.get(name)) is not kind:
            raise _damaged(source, name, values.get(name), kind.__name__)
    progress, optimizer = values["position"], values["optimizer"]
    for name, kind in _PROGRESS.items():
        if type(progress.get(name)) is not kind:
            raise _damaged(source, f"position.{name}", progress.get(name), kind.__name__)
    counts = {name: progress[name] for name in ("epoch", "done", "skipped")}
    counts |= {f"logs.{name}": value for name, value in values["logs"].items()}
    counts |= {f"images.{name}": value for name, value in values["images"].items()}
    for name, value in counts.items():
        if type(value) is not int or not 0 <= value <= _LONGEST:
            raise _damaged(source, name, value, f"0 to {_LONGEST}")
    if not all(isinstance(loss, float) for loss in progress["losses"]):
        raise _damaged(source, "position.losses", progress["losses"], "numbers")
    if not isinstance(progress.get("best"), dict | None):
        raise _damaged(source, "position.best", progress.get("best"), "a line of log.jsonl or null")
    parts = isinstance(optimizer.get("numbers"), dict) and isinstance(optimizer.get("groups"), list)
    if not parts or not all(isinstance(each, dict) for each in (*optimizer["numbers"].values(), *optimizer["groups"])):
        raise _damaged(source, "optimizer", optimizer, "numbers and groups")


def _damaged(source: str, name: str, value: Any, expected: str) -> UserError:
    shown = repr(value)
    shown = shown if len(shown) <= 100 else f"{shown[:100]}..."
    return UserError(f"{source} is damaged: {name} is {shown}; expected {expected}.")
