"""Tables in Markdown files, generated from result files: no figure in the documentation is typed by hand.

<!-- bench:models-cpu -->            the default view of benchmarks/results/models-cpu.json
<!-- bench:models-cpu/ratios -->     another view of it
...replaced by `parcnet bench tables --write`...
<!-- /bench -->
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from parcnet.base import UserError, unknown, write_text
from parcnet_lab.bench.results import BenchmarkResult, read
from parcnet_lab.bench.views import view

_BLOCK = re.compile(r"(<!-- bench:(?P<name>[^\s>]*) -->\n)(?P<body>.*?)(<!-- /bench -->)", re.DOTALL)
_MARK = re.compile(r"<!-- (?:bench:[^\s>]*|/bench) -->")


def markdown(result: BenchmarkResult, view_name: str | None = None) -> str:
    """The view as a Markdown table, with command, machine, versions and date below it."""
    shown = view(result, view_name)
    lines = markdown_table(shown.columns, shown.rows)
    machine = result.machine
    tools = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    ceiling = f"GEMM ceiling {machine['ceiling_gflops']:.0f} GFLOP/s"
    origin = f"{shown.title}; {machine['cores']} cores, {ceiling}; {tools}; {machine['date']}. `{result.command}`"
    notes = [f"{note[0].upper()}{note[1:]}." for note in result.notes]
    return "\n".join([*lines, "", " ".join([f"<sub>{origin}.", *notes]) + "</sub>", ""])


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table, its columns aligned."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    return [_line(row, widths) for row in (columns, ["-" * width for width in widths], *rows)]


def filled(text: str, results: Path, where: str) -> str:
    """`text` with the table of each marker filled in. `where` names the text in errors.

    Raises `UserError` for a marker without its end, and for a name without a result file in the folder `results`.
    """
    marks = _MARK.findall(text)
    if len(marks) != 2 * len(_BLOCK.findall(text)) or any(
        _MARK.search(block["body"]) for block in _BLOCK.finditer(text)
    ):
        raise UserError(f"{where}: every <!-- bench:NAME --> needs its own line and a <!-- /bench --> after it.")
    return _BLOCK.sub(lambda block: f"{block[1]}{_table(block['name'], results, where)}{block[4]}", text)


def stale(paths: Iterable[str | Path], results: str | Path) -> dict[Path, str]:
    """The Markdown files whose tables differ from the result files, with the text they should have.

    A folder stands for every .md file below it. Raises `UserError` for a path that does not exist.
    """
    found = {}
    for path in _markdown_files(paths):
        text = path.read_text(encoding="utf-8")
        wanted = filled(text, Path(results), str(path))
        if wanted != text:
            found[path] = wanted
    return found


def write(paths: Iterable[str | Path], results: str | Path) -> list[Path]:
    """Brings the tables of Markdown files up to date; returns the files that changed."""
    changed = stale(paths, results)
    for path, text in changed.items():
        write_text(path, text)
    return list(changed)


def _table(name: str, results: Path, where: str) -> str:
    stem, _, view_name = name.partition("/")
    path = results / f"{stem}.json"
    if not path.is_file():
        known = [each.stem for each in results.glob("*.json")]
        raise unknown("result", stem, known, f"{where} refers to it; expected the file {path}.")
    return markdown(read(path), view_name or None)


def _markdown_files(paths: Iterable[str | Path]) -> list[Path]:
    files = []
    for path in map(Path, paths):
        if not path.exists():
            raise UserError(f"there is no {path}: name Markdown files, or folders that hold some.")
        files += sorted(path.rglob("*.md")) if path.is_dir() else [path]
    return files


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    padded = (cell.replace("|", "\\|").ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"
