"""Network -> the folder of a page that runs it."""

import dataclasses
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from torch import nn

from parcnet.base import UserError, check_writable, staging_folder
from parcnet.deploy.algorithm_choice import Note
from parcnet.deploy.class_activation import NoHeat
from parcnet.deploy.export import Export, export
from parcnet.deploy.model_source import open_source
from parcnet.deploy.page.browser_runtime import BINARY, PACKAGE, SCRIPT, add_runtime
from parcnet.deploy.page.examples import Example, add_examples, check_examples

_STATIC = Path(__file__).with_name("static")
_CARD, _NETWORK, _RUNTIME = "card.json", "network.onnx", "runtime"
_NORM = "reduced"
"""Form of ParCNetV2's norms: WebAssembly keeps no maps in blocks of channels, for which ONNX files have another."""
_MADE_BY = "parcnet page"
"""By which a folder is known as one of ours."""

STEPS = 8
"""Steps that `page` notes at most: those of an export, the runtime before, the files after."""


@dataclass(frozen=True, slots=True)
class Page:
    """What was written."""

    folder: Path
    export: Export
    """The network's file; its path is that in the folder."""
    runtime: str
    """Version of onnxruntime-web."""
    bytes: int
    """Of the whole folder."""
    no_heat: str | None
    """Why the page shows no heat; None: it does."""


def page(
    subject: str | Path | nn.Module,
    folder: str | Path,
    *,
    size: int | tuple[int, int] | None = None,
    algorithm: str = "matmul",
    title: str | None = None,
    examples: Sequence[Path] = (),
    heat: bool = True,
    images: Path | None = None,
    tolerance: float | None = None,
    onnxruntime_web: Path | None = None,
    note: Note = lambda _, __: None,
) -> Page:
    """Writes `folder`: a page of static files on which a classifier runs in the browser, and nothing is fetched from
    elsewhere.

    subject, size, algorithm, images, tolerance
                     as `parcnet.deploy.export` has them; `matmul` is fastest in browsers, `conv` the smallest file
    title            heading of the page; None: the network's name
    examples         pictures to try; None: two that are embedded
    heat             show class activation maps (`parcnet.deploy.class_activation`), where the network's head allows it
    onnxruntime_web  the unpacked npm package; None: npm fetches it
    note             note(1, what) is called after each of at most `STEPS` steps

    The folder appears as a whole, or not at all. One that is there already is replaced if it is empty or such a page.
    Raises `UserError` for any other folder, for what is no classifier, and as `export` does.
    """
    folder = Path(folder).resolve()
    _check_folder(folder)
    check_examples(examples)
    _, metadata, task = open_source(subject)
    if not task.single_label or not metadata.classes:
        what = "a network without classes" if task.single_label else f"a {task.name} network"
        raise UserError(f"{subject} is {what}; a page shows the likeliest classes of a picture: give a classifier.")
    with staging_folder(folder) as staging:
        made = staging / "page"
        shutil.copytree(_STATIC, made)
        version = add_runtime(made / _RUNTIME, onnxruntime_web)
        note(1, "runtime")

        def exported(with_heat: bool) -> Export:
            return export(
                subject,
                made / _NETWORK,
                size=size,
                pixels=True,
                algorithm=algorithm,
                norm=_NORM,
                images=images,
                tolerance=tolerance,
                heat=with_heat,
                note=note,
            )

        reason: str | None = None if heat else "it was not asked for"
        try:
            written = exported(heat)
        except NoHeat as error:
            reason = str(error)
            written = exported(False)
        shown = add_examples(made, examples, metadata.data)
        card = _card(written, made, title, shown, version, reason)
        (made / _CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False), "utf-8")
        _put(made, folder, staging / "before")
        note(1, "page")
    written = dataclasses.replace(written, path=folder / _NETWORK)
    total = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Page(folder, written, version, total, reason)


def _card(
    written: Export, made: Path, title: str | None, examples: Sequence[Example], version: str, no_heat: str | None
) -> dict[str, Any]:
    """What the page's scripts know. Its preprocessing is what `Preprocessing` does; the file normalises by itself."""
    metadata = written.card.metadata
    return {
        "made_by": _MADE_BY,
        "title": title or f"Try {metadata.model}",
        "network": {
            "file": _NETWORK,
            "bytes": (made / _NETWORK).stat().st_size,
            "name": metadata.model,
            "data": metadata.data if metadata.data != "nothing" else None,
            "trained": metadata.data != "nothing",
        },
        "runtime": {
            "file": f"{_RUNTIME}/{BINARY}",
            "bytes": (made / _RUNTIME / BINARY).stat().st_size,
            "script": f"{_RUNTIME}/{SCRIPT}",
            "package": PACKAGE,
            "version": version,
        },
        "no_heat": no_heat,
        "preprocessing": metadata.preprocessing,
        "most_pixels": Image.MAX_IMAGE_PIXELS,
        "examples": [example.to_dict() for example in examples],
        "classes": list(metadata.classes),
    }


def _check_folder(folder: Path) -> None:
    check_writable(folder.with_name(f"{folder.name}.page"))
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not _ours(folder))):
        raise UserError(f"{folder} is there already and no page of ours: choose another folder, or remove it.")


def _ours(folder: Path) -> bool:
    try:
        return json.loads((folder / _CARD).read_text("utf-8"))["made_by"] == _MADE_BY
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _put(made: Path, folder: Path, before: Path) -> None:
    """Puts `made` in place of `folder`, which goes to `before`, or comes back where that fails."""
    if not folder.exists():
        os.replace(made, folder)
        return
    os.replace(folder, before)
    try:
        os.replace(made, folder)
    except OSError:
        os.replace(before, folder)
        raise
