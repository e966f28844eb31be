"""A cache of single trainings' results, so that an interrupted run resumes after the last of them."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from parcnet.base import versions, write_json


def cache_path(folder: Path, name: str, depends_on: Sequence[Any]) -> Path:
    """The file of the result `name`; its name changes with everything it depends on, versions included."""
    installed = versions()
    what = [*depends_on, installed["parcnet"], installed["torch"]]
    digest = hashlib.blake2b(json.dumps(what, sort_keys=True).encode(), digest_size=4).hexdigest()
    return folder / "trainings" / f"{name}-{digest}.json"


def cached(path: Path, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The JSON value of `compute`, read from `path` if an earlier call stored it there."""
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))["result"]
    result = compute()
    write_json(path, {"result": result})
    return result
