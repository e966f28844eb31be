"""Mutation testing: small changes of the library's code, each of which the fast tests of its room should catch."""

import argparse
import ast
import copy
import difflib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOMS = ("ops", "layers", "training", "evaluation", "tasks", "data")
_PAIRS: list[Any] = [(ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot)]
_PAIRS += [(ast.In, ast.NotIn), (ast.And, ast.Or), (ast.Add, ast.Sub), (ast.Mult, ast.FloorDiv)]
_SWAPS: dict[type[ast.AST], Any] = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}


@dataclass(frozen=True)
class Mutant:
    """Bytes [start, end) of `file`, relative to the root, are replaced by `text`."""

    file: str
    line: int
    start: int
    end: int
    text: str
    key: str
    """Equal as long as the line, and those equal to it before, are unchanged."""

    def apply(self, source: str) -> str:
        content = source.encode()
        return (content[: self.start] + self.text.encode() + content[self.end :]).decode()

    def diff(self, source: str) -> str:
        lines = difflib.unified_diff(source.splitlines(), self.apply(source).splitlines(), lineterm="", n=0)
        return "\n".join([f"{self.file}:{self.line}", *list(lines)[3:]])


def mutants(file: str, source: str) -> list[Mutant]:
    """Every mutant of a file: swapped operators, numbers plus one, negated conditions, removed statements.

    Annotations, f-strings and decorators are left alone.
    """
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: list[Mutant] = []
    seen: dict[tuple[str, ...], int] = {}
    for node, changed in _changes(ast.parse(source)):
        begin, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        text = ast.unparse(changed)
        text = text if isinstance(changed, ast.stmt | ast.Constant) else f"({text})"
        name = (file, source.splitlines()[node.lineno - 1].strip(), ast.unparse(node), text)
        seen[name] = seen.get(name, 0) + 1
        key = hashlib.sha256("\0".join((*name, str(seen[name]))).encode()).hexdigest()[:16]
        found.append(Mutant(file, node.lineno, begin, end, text, key))
    return found


def _changes(node: ast.AST) -> Iterator[tuple[Any, ast.AST]]:
    """(node, what replaces it) below `node`."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.JoinedStr) or not isinstance(child, ast.AST):
                continue
            if name in ("test", "ifs"):
                yield child, ast.UnaryOp(ast.Not(), child)  # type: ignore[arg-type]
            yield from ((child, changed) for changed in _replacements(child))
            yield from _changes(child)


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    changed: Any = copy.deepcopy(node)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPS:
        changed.ops[0] = _SWAPS[type(node.ops[0])]()
        yield changed
    elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in _SWAPS:
        changed.op = _SWAPS[type(node.op)]()
        yield changed
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.AugAssign | ast.Raise) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield ast.Pass()


def sample(root: Path, package: str, rooms: Sequence[str], count: int, seed: int) -> list[Mutant]:
    """`count` mutants of the package's rooms. A change of the code leaves the choice among unchanged lines alone."""
    paths = [path for room in rooms for path in sorted((root / package / room).rglob("*.py"))]
    found = [each for path in paths for each in mutants(str(path.relative_to(root)), path.read_text(encoding="utf-8"))]
    return sorted(found, key=lambda each: hashlib.sha256(f"{seed} {each.key}".encode()).digest())[:count]


def folders_of_tests(root: Path, file: str) -> list[str]:
    """The folder of tests that mirrors the file's, if there is one, then that of its room."""
    room, *below = Path(file).parts[1:-1]
    nearest = Path("tests", room, *below)
    return list(dict.fromkeys(str(each) for each in (nearest, Path("tests", room)) if (root / each).is_dir()))


def passes(root: Path, file: str, timeout: float) -> bool:
    """Whether the fast tests of a file's room pass in time; without tests, they do."""
    if not (folders := folders_of_tests(root, file)):
        return True
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow and not gpu", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    with (root.parent / "pytest.log").open("wb") as log:
        process = subprocess.Popen([*command, *folders], cwd=root, env=environment, stdout=log, start_new_session=True)
    try:
        return process.wait(timeout) in (0, 5)  # 5: no test was found
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def caught(root: Path, mutant: Mutant, timeout: float) -> bool:
    """Whether the tests fail, or do not end, with the mutant in `root`, a copy whose file is restored afterwards."""
    path = root / mutant.file
    source = path.read_text(encoding="utf-8")
    path.write_text(mutant.apply(source), encoding="utf-8")
    try:
        return not passes(root, mutant.file, timeout)
    finally:
        path.write_text(source, encoding="utf-8")


def read_results(log: Path) -> dict[str, dict[str, Any]]:
    """Key -> the latest result of a mutant. Lines cut by a kill are ignored."""
    results: dict[str, dict[str, Any]] = {}
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else []:
        with suppress(ValueError):
            result = json.loads(line)
            results[result["key"]] = result
    return results


def table(results: Sequence[dict[str, Any]], rooms: Sequence[str]) -> str:
    """Mutants and the share caught, for each room and all; then the difference of each survivor."""
    lines = [f"{'room':<12}{'mutants':>8}{'caught':>8}{'share':>8}"]
    for name in (*rooms, "all"):
        own = [each["caught"] for each in results if name in ("all", Path(each["file"]).parts[1])]
        if own:
            lines.append(f"{name:<12}{len(own):>8}{sum(own):>8}{sum(own) / len(own):>8.1%}")
    return "\n\n".join(["\n".join(lines), *(each["diff"] for each in results if not each["caught"])])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--package", default="parcnet")
    parser.add_argument("--rooms", nargs="+", default=ROOMS)
    parser.add_argument("--count", type=int, default=300, help="mutants in the sample")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="mutants to run now; the next call goes on with the rest")
    parser.add_argument("--timeout", type=float, default=600, help="seconds a mutant, after which it counts as caught")
    parser.add_argument("--again", action="store_true", help="run the survivors once more, e.g. after adding tests")
    parser.add_argument("--log", type=Path, default=Path("runs/mutants.jsonl"), help="results, appended")
    options = parser.parse_args(arguments)
    chosen = sample(options.root, options.package, options.rooms, options.count, options.seed)
    results = read_results(options.log)
    pending = [
        each for each in chosen if each.key not in results or (options.again and not results[each.key]["caught"])
    ]
    options.log.parent.mkdir(parents=True, exist_ok=True)
    sound: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "copy"
        shutil.copytree(options.root, root, ignore=shutil.ignore_patterns(".*", "__pycache__", "runs", "site"))
        for mutant in pending[: options.limit]:
            room = Path(mutant.file).parts[1]
            if room not in sound and not passes(root, mutant.file, options.timeout):
                parser.error(f"the tests of {room} fail, or take more than {options.timeout:g} s, without any mutant")
            sound.add(room)
            diff = mutant.diff((root / mutant.file).read_text(encoding="utf-8"))
            found = caught(root, mutant, options.timeout)
            results[mutant.key] = {**asdict(mutant), "caught": found, "diff": diff}
            with options.log.open("a", encoding="utf-8") as log:
                log.write("\n" + json.dumps(results[mutant.key]))
            print("caught  " if found else "SURVIVED", f"{mutant.file}:{mutant.line}", flush=True)
    print(table([results[each.key] for each in chosen if each.key in results], options.rooms))


if __name__ == "__main__":
    main()
