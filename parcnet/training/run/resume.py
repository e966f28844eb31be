"""Where a run goes on, and whether it is the same run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from parcnet.base import UserError
from parcnet.recipes import Recipe
from parcnet.training.distributed.process_group import Ranks
from parcnet.training.run.folder import RunFolder, choose_run_folder
from parcnet.training.run.state import opened
from parcnet.training.run.state_files import FOLDER, good, newest_good, states

FREE = {
    *("name", "network.initial_checkpoint", "data.data_dir", "data.workers", "data.max_bad_images"),
    *("run.output", "run.log_every", "run.eval_every", "run.save_every", "run.keep_every", "run.track"),
}
"""What may change when a run goes on: no loss depends on it."""
ROUNDING = {
    *("network.grad_checkpointing", "data.micro_batch", "run.device", "run.threads", "run.compile"),
}
"""What may change, but then the run is no longer bit for bit the one that was not stopped: sums round differently, and
mixing and drop path, which draw for each rank and micro-batch, may draw other numbers."""


@dataclass(frozen=True, slots=True)
class Start:
    """The folder of a run, and the state it goes on from: b"" for the beginning."""

    folder: RunFolder
    state: bytes = b""
    called: str = ""
    """The state's file, for messages."""


def find_start(recipe: Recipe, resume: str | None, ranks: Ranks) -> Start:
    """By `--resume`: None begins anew, `auto` goes on in --output if there is a state, a path goes on from there.

    Only the main rank looks at the disk; the others get the folder's name from it, and the state's bytes later. Raises
    `UserError`.
    """
    start = _look(recipe, resume) if ranks.main else None
    named = ranks.shared(None if start is None else str(start.folder.path).encode())
    return start or Start(RunFolder(Path(named.decode())))


def _look(recipe: Recipe, resume: str | None) -> Start:
    if resume is None:
        return Start(choose_run_folder(recipe))
    if resume == "auto":
        if recipe.run.output is None:
            raise UserError("--resume auto needs --output DIR: the same command then begins the run and goes on.")
        found = newest_good(Path(recipe.run.output))
        if found is None:
            return Start(choose_run_folder(recipe, begun=True))
        return Start(RunFolder(Path(recipe.run.output)), found[1], str(found[0]))
    start = _named(Path(resume))
    if recipe.run.output is not None and Path(recipe.run.output).resolve() != start.folder.path.resolve():
        raise UserError(
            f"--output is {recipe.run.output}, but --resume goes on in {start.folder.path}: leave --output out, or "
            "begin a new run there from the weights with --initial-checkpoint."
        )
    return start


def _named(path: Path) -> Start:
    if path.is_file():
        folder = path.parent.parent if path.parent.name == FOLDER else path.parent
        return Start(RunFolder(folder), good(path), str(path))
    if not (found := states(path)):
        raise UserError(
            f"{path} has no training state ({FOLDER}/step-*.safetensors): --resume takes a run folder, one of its "
            "states, or auto. To begin a new run from the weights of a checkpoint use --initial-checkpoint."
        )
    try:
        return Start(RunFolder(path), good(found[0]), str(found[0]))
    except UserError as error:
        before = f" To go on from the one before it: --resume {found[1]}." if len(found) > 1 else ""
        raise UserError(f"{error}{before}") from None


def check_same_run(recipe: Recipe, about: Mapping[str, Any], content: bytes, called: str) -> list[str]:
    """What changed besides `FREE`, as `name: before -> now`, as far as it is still the same run, see `ROUNDING`.

    `about` holds the facts that a state carries besides the recipe. Raises `UserError` naming every change after which
    it would be another run.
    """
    _, values = opened(content, called)
    then, now = _flat(values["recipe"]), _flat(asdict(recipe))
    default = _flat(asdict(Recipe()))
    changes = {
        name: f"{name}: {then.get(name, default.get(name))!r} -> {now.get(name)!r}"
        for name in sorted(now.keys() | then.keys())
        if _plain(then.get(name, default.get(name))) != _plain(now.get(name)) and name not in FREE
    }
    for name in ("classes", "images", "own_order"):
        before = values.get(name, about[name])  # states of version 0.1.0 do not tell the order
        if _plain(before) != _plain(about[name]):
            changes[name] = f"{name}: {_short(before)} -> {_short(about[name])}"
    wrong = [text for name, text in changes.items() if name not in ROUNDING]
    if wrong:
        lines = "\n".join(f"  {text}" for text in wrong)
        raise UserError(
            f"{called} belongs to another run; going on would not give what either run gives. Changed:\n{lines}\n"
            "Undo the changes, or begin a new run: --initial-checkpoint takes its weights."
        )
    changed = [text for name, text in changes.items() if name in ROUNDING]
    changed += [
        f"{name}: {_short(values[name])} -> {_short(about[name])}"
        for name in ("world", "machine", "versions")
        if _plain(values[name]) != _plain(about[name])
    ]
    return changed


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """`section.field` -> value."""
    flat: dict[str, Any] = {}
    for name, value in recipe.items():
        flat |= {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, Mapping) else {name: value}
    return flat


def _plain(value: Any) -> Any:
    """As JSON would give it back."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, Mapping) else value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:100]}..."
