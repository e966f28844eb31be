"""Build the folder of a page that runs a classifier in the browser."""

import dataclasses
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from torch import nn

from parcnet.base import UserError, check_writable, is_partial, json_text, staging_folder
from parcnet.base.untrusted import parse_json
from parcnet.deploy.algorithm_choice import Note
from parcnet.deploy.class_activation import NoClassActivation
from parcnet.deploy.export import Export, export
from parcnet.deploy.model_source import open_source
from parcnet.deploy.page.browser_runtime import BINARY, PACKAGE, SCRIPT, add_runtime
from parcnet.deploy.page.examples import Example, add_examples, check_examples

_STATIC = Path(__file__).with_name("static")
_CARD, _NETWORK, _RUNTIME = "card.json", "network.onnx", "runtime"
_NORM = "reduced"
"""Form of ParCNetV2's norms: unlike native ONNX Runtime, WebAssembly does not use channel-blocked layouts."""
_MADE_BY = "parcnet page"
"""Marks a folder as a page of parcnet."""

STEPS = 8
"""Largest number of steps that `page` reports: those of an export, the runtime and the files."""


@dataclass(frozen=True, slots=True)
class Page:
    """A written page."""

    folder: Path
    export: Export
    """The network's file in the folder."""
    runtime: str
    """Version of onnxruntime-web."""
    bytes: int
    """Size of the whole folder."""
    no_heat: str | None
    """Why the page shows no class activation maps; None if it does."""


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
    """Writes a static page to `folder` that runs a classifier in the browser and loads nothing from other servers.

    subject, size, algorithm, images, tolerance
                     as in `parcnet.deploy.export`; `matmul` is fastest in browsers, `conv` gives the smallest file
    title            heading of the page; None: the network's name
    examples         images to try; empty: two embedded ones
    heat             show class activation maps (`parcnet.deploy.class_activation`) if the network's head supports them
    onnxruntime_web  the unpacked npm package; None: npm downloads it
    note             note(1, what) is called after each of at most `STEPS` steps

    The folder is written atomically. An existing folder is replaced if it is empty or a page of parcnet. Raises
    `UserError` for any other folder, for a network that is not a classifier, and as `export` does.
    """
    folder = Path(folder).resolve()
    _check_folder(folder)
    check_examples(examples)
    _, metadata, task = open_source(subject)
    if not task.single_label or not metadata.classes:
        what = "a network without classes" if task.single_label else f"a {task.name} network"
        raise UserError(f"{subject} is {what}; a page shows the most probable classes of an image: give a classifier.")
    with staging_folder(folder) as staging:
        staged = staging / "page"
        shutil.copytree(_STATIC, staged)
        version = add_runtime(staged / _RUNTIME, onnxruntime_web)
        note(1, "runtime")

        def exported(with_heat: bool) -> Export:
            return export(
                subject,
                staged / _NETWORK,
                size=size,
                pixels=True,
                algorithm=algorithm,
                norm=_NORM,
                images=images,
                tolerance=tolerance,
                heat=with_heat,
                note=note,
            )

        reason: str | None = None if heat else "not requested"
        try:
            written = exported(heat)
        except NoClassActivation as error:
            reason = str(error)
            written = exported(False)
        shown = add_examples(staged, examples, metadata.data)
        card = _card(written, staged, title, shown, version, reason)
        (staged / _CARD).write_text(json_text(card, 1), "utf-8")
        _replace(staged, folder, staging / "before")
        note(1, "page")
    written = dataclasses.replace(written, path=folder / _NETWORK)
    total = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Page(folder, written, version, total, reason)


def _card(
    written: Export, staged: Path, title: str | None, examples: Sequence[Example], version: str, no_heat: str | None
) -> dict[str, Any]:
    """Input of the page's scripts. They resize and crop as `Preprocessing` does; the file normalises."""
    metadata = written.info.metadata
    return {
        "made_by": _MADE_BY,
        "title": title or f"Try {metadata.model}",
        "network": {
            "file": _NETWORK,
            "bytes": (staged / _NETWORK).stat().st_size,
            "name": metadata.model,
            "data": metadata.data if metadata.data != "nothing" else None,
            "trained": metadata.data != "nothing",
        },
        "runtime": {
            "file": f"{_RUNTIME}/{BINARY}",
            "bytes": (staged / _RUNTIME / BINARY).stat().st_size,
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
    if folder.exists() and (not folder.is_dir() or (not all(map(is_partial, folder.iterdir())) and not _ours(folder))):
        raise UserError(f"{folder} exists and is not a page written by parcnet: choose another folder, or remove it.")


def _ours(folder: Path) -> bool:
    try:
        return parse_json((folder / _CARD).read_bytes())["made_by"] == _MADE_BY
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _replace(staged: Path, folder: Path, before: Path) -> None:
    """Replaces `folder` by `staged`; the old folder moves to `before`, and back on failure."""
    if not folder.exists():
        os.replace(staged, folder)
        return
    os.replace(folder, before)
    try:
        os.replace(staged, folder)
    except OSError:
        os.replace(before, folder)
        raise
