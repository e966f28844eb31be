"""Results of single trainings, kept in files so that an interrupted run goes on after the last of them."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from parcnet.base import versions, write_json


def cache_path(folder: Path, name: str, depends_on: Sequence[Any]) -> Path:
    """The file of the result called `name`: another one when anything it depends on, or a version, is another."""
    installed = versions()
    what = [*depends_on, installed["parcnet"], installed["torch"]]
    digest = hashlib.blake2b(json.dumps(what, sort_keys=True).encode(), digest_size=4).hexdigest()
    return folder / "trainings" / f"{name}-{digest}.json"


def cached(path: Path, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `compute` answers, as JSON; read from `path` when an earlier call has left it there."""
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))["result"]
    result = compute()
    write_json(path, {"result": result})
    return result
