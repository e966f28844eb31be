"""Results as arrays in one .npz file."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from parcnet.base import atomic_path


def save_arrays(path: str | Path, **results: Any) -> None:
    """Writes results (dataclasses, arrays, strings, numbers, tuples of them) into one .npz file, atomically.

    Keys are paths such as `gradcam/heat` and `reach/0/energy_h`; None is omitted. numpy.load reads it without pickle.
    """
    arrays = dict(_flat("", results))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    if value is None:
        return
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and any(dataclasses.is_dataclass(each) for each in value):
        value = {str(index): each for index, each in enumerate(value)}
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _flat(f"{prefix}/{name}" if prefix else name, each)
        return
    yield prefix, np.asarray(value)
