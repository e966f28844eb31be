"""Labels in a CSV file: a column of names, or a column of 0 and 1 for each class."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from parcnet.base import UserError, counted
from parcnet.tasks.multilabel.data.listing import EXPECTED, LabelledFile, Listing, read_text, some

PATH, LABELS = "path", "labels"
SEPARATOR = ";"
_MARKS = {"0": False, "1": True}


def read_csv(file: Path) -> Listing:
    """The rows of `file`, whose paths are relative to its folder.

    Raises `UserError` for a file that cannot be read, missing, unknown or repeated columns, rows of another length,
    marks other than 0 and 1, a path given twice, and images that do not exist.
    """
    rows = _rows(file)
    header = [name.strip() for name in next(rows, (0, []))[1]]
    columns = _columns(file, header)
    place, entries = header.index(PATH), []
    lines: dict[str, int] = {}
    for line, row in rows:
        where = f"{file}, line {line}"
        cells = [cell.strip() for cell in row]
        if len(cells) != len(header):
            raise UserError(
                f"{where} has {counted(len(cells), 'value')}; expected {len(header)}, one for each column: "
                f"{some(header)}. Put values that contain a comma in quotes."
            )
        path = os.path.normpath(cells[place]) if cells[place] else ""
        if not path:
            raise UserError(f"{where} has no path; expected an image file, relative to {file.parent}.")
        if path in lines:
            raise UserError(f"{where} names {path} again, after line {lines[path]}: write all its labels in one row.")
        lines[path] = line
        if columns is None:
            labels = [name.strip() for name in cells[header.index(LABELS)].split(SEPARATOR)]
        else:
            labels = [
                name for name, cell in zip(header, cells, strict=True) if name != PATH and _marked(cell, name, where)
            ]
        entries.append(LabelledFile(file.parent / path, tuple(name for name in labels if name), where))
    if not entries:
        raise UserError(f"{file} has no row below its header, so no image. {EXPECTED}")
    _check_files(file, entries)
    return Listing(file, entries, columns)


def _rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each row that is not blank."""
    reader = csv.reader(io.StringIO(read_text(file)), strict=True)
    try:
        for row in reader:
            if any(row):
                yield reader.line_num, row
    except csv.Error as error:
        raise UserError(f"{file}, line {reader.line_num}: {error}. Expected values separated by commas.") from None


def _columns(file: Path, header: Sequence[str]) -> tuple[str, ...] | None:
    """The classes that have a column; None where a column holds the names."""
    named = f"its columns are {some(header, 12)}" if header else "it is empty"
    if PATH not in header:
        raise UserError(f"{file} has no column {PATH}; {named}. {EXPECTED}")
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise UserError(f"{file} has several columns {twice[0]!r}; expected one of each name.")
    if "" in header:
        raise UserError(f"{file} has a column without a name, number {header.index('') + 1}: name it or remove it.")
    others = tuple(name for name in header if name not in (PATH, LABELS))
    if LABELS not in header:
        if not others:
            raise UserError(f"{file} has no labels; {named}. {EXPECTED}")
        return others
    if others:
        raise UserError(
            f"{file} has a column {LABELS} and also {some(others)}; expected {PATH} and {LABELS} alone, or {PATH} and "
            "a column for each class. Remove the others."
        )
    return None


def _marked(cell: str, name: str, where: str) -> bool:
    if cell not in _MARKS:
        raise UserError(
            f"{where} has {cell!r} in the column {name}; expected 1 where the image shows the class, else 0. Names of "
            f"labels belong in one column, {LABELS}."
        )
    return _MARKS[cell]


def _check_files(file: Path, entries: Sequence[LabelledFile]) -> None:
    """One listing a folder: asking for each of 100,000 files takes minutes on some file systems."""
    present: dict[Path, set[str]] = {}
    missing = []
    for entry in entries:
        folder = entry.image.parent
        if folder not in present:
            present[folder] = set(os.listdir(folder)) if folder.is_dir() else set()
        if entry.image.name not in present[folder]:
            missing.append(entry)
    if missing:
        first = missing[0]
        raise UserError(
            f"{counted(len(missing), 'image')} of {len(entries)} in {file} do not exist, first {first.image} "
            f"({first.where}). Paths are relative to {file.parent}: add the images, or remove their rows."
        )
