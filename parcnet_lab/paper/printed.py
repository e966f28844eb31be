"""The papers' 17 tables and 15 figures as typed data, and the contradictions within and between the texts.

All scalars in the YAML files of data/ are read as text, so that a printed 5.0 keeps its digits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any

import yaml

from parcnet.base import unknown

STATES = ("counted", "measured", "recipe only", "not reproducible")
"""What this repository provides of a table or figure."""

TASKS = ("configuration", "classification", "detection", "segmentation")

_FOLDER = resources.files("parcnet_lab.paper") / "data"


@dataclass(frozen=True, slots=True)
class PrintedNetwork:
    """The network behind a name in a table."""

    network: str | None = None
    """Name for timm.create_model."""
    absent: str | None = None
    """Why there is no network."""
    size: int = 224
    """Image side in px at which the printed MACs were counted."""
    kernel_fit: str | None = None
    """The `kernel_fit` of our network for other sizes of its maps."""
    sized: bool = False
    """Whether the network has to be built for the size of its images."""
    differs: Mapping[str, str] = field(default_factory=dict)
    """Column -> why our count differs from the printed one."""
    group: str = ""
    """Heading of the row where it names the framework, such as Mask R-CNN 3x."""


@dataclass(frozen=True, slots=True)
class PrintedRow:
    """One line of a table."""

    model: str
    """As printed, without its reference."""
    printed: Mapping[str, str]
    """Column -> the digits as printed; empty or `-` where there are none."""
    subject: PrintedNetwork
    group: str = ""
    """Heading within the table."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class PrintedTable:
    """A printed table. Columns `params` are in millions, `macs` in 1e9 multiply-adds."""

    name: str
    text: str
    number: str
    section: str
    title: str
    task: str
    states: Mapping[str, str]
    """State -> of what."""
    columns: Mapping[str, str]
    """Column -> its heading as printed."""
    rows: Sequence[PrintedRow]
    notes: Sequence[str] = ()
    pretrained: str = ""
    """Data set of the weights that training starts from."""


@dataclass(frozen=True, slots=True)
class PrintedFigure:
    """A printed figure; our version is drawn from the networks."""

    name: str
    text: str
    number: str
    section: str
    title: str
    states: Mapping[str, str]
    needs: str = "nothing"
    draws: str | None = None
    """Name of the drawing in `parcnet_lab.paper.drawings`, or None where there is none."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A contradiction of a text with itself, another text or the released code."""

    title: str
    says: str
    here: str
    """What this library does."""
    touches: Sequence[str]
    """Tables and figures below which it is printed."""


@cache
def tables() -> dict[str, PrintedTable]:
    """Every table by its name, in the order of the texts."""
    names = sorted(file.name.removesuffix(".yaml") for file in _FOLDER.iterdir() if "-table" in file.name)
    return {name: _table(name, subjects()) for text in ("iccv", "supp", "arxiv") for name in names if text in name}


@cache
def figures() -> dict[str, PrintedFigure]:
    """Every figure by its name, in the order of the texts."""
    return {name: PrintedFigure(name=name, **fields) for name, fields in _read("figures").items()}


@cache
def contradictions() -> tuple[Contradiction, ...]:
    """The contradictions, in the order of their file."""
    return tuple(Contradiction(**fields) for fields in _read("contradictions"))


@cache
def subjects() -> dict[str, PrintedNetwork]:
    """The networks behind the names that the tables share."""
    return {name: _subject(fields) for name, fields in _read("networks").items()}


def touching(name: str) -> list[Contradiction]:
    """The contradictions that concern a table or figure."""
    return [each for each in contradictions() if name in each.touches]


def items() -> dict[str, PrintedTable | PrintedFigure]:
    """Every table and figure by its name."""
    return {**tables(), **figures()}


def item(name: str) -> PrintedTable | PrintedFigure:
    """A table or figure by name. Raises `UserError` for an unknown one."""
    known = items()
    if name not in known:
        raise unknown("table or figure", name, known, "`parcnet paper list` shows all.")
    return known[name]


def _table(name: str, shared: Mapping[str, PrintedNetwork]) -> PrintedTable:
    fields = _read(name)
    rows = [_row(cells, tuple(fields["columns"]), shared) for cells in fields.pop("rows")]
    return PrintedTable(name=name, rows=rows, **fields)


def _row(cells: list[Any], columns: tuple[str, ...], shared: Mapping[str, PrintedNetwork]) -> PrintedRow:
    """From [model, a printed cell for each column, optional mapping with further fields]."""
    extras = dict(cells[-1]) if isinstance(cells[-1], dict) else {}
    model, *printed = [cell for cell in cells if isinstance(cell, str)]
    words = {key: extras.pop(key) for key in ("group", "note") if key in extras}
    known = extras.pop("as", model)
    subject = replace(
        shared.get(known, PrintedNetwork()), **{key: extras.pop(key) for key in ("network",) if key in extras}
    )
    assert subject.network or subject.absent, f"{model} is not in networks.yaml, nor does its row name a network"
    # a row may explain its own difference, or remove a shared explanation with ""
    explained = {key: why for key, why in {**subject.differs, **extras.pop("differs", {})}.items() if why}
    assert not extras, f"unknown keys {sorted(extras)} in the row of {model}"
    return PrintedRow(model, dict(zip(columns, printed, strict=True)), replace(subject, differs=explained), **words)


def _subject(fields: Mapping[str, Any]) -> PrintedNetwork:
    return PrintedNetwork(**{**fields, "size": int(fields.get("size", 224)), "sized": fields.get("sized") == "yes"})


def _read(name: str) -> Any:
    text = (_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.BaseLoader)
