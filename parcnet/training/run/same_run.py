"""Whether a training state belongs to the run that a recipe describes."""

from collections.abc import Mapping
from typing import Any

from parcnet.base import UserError
from parcnet.data.fingerprint import differs
from parcnet.recipes import Recipe
from parcnet.training.run.state import TrainingState

IRRELEVANT = {
    *("name", "network.initial_checkpoint", "data.data_dir", "data.workers", "data.max_bad_images"),
    *("run.output", "run.log_every", "run.eval_every", "run.save_every", "run.keep_every", "run.track"),
}
"""Fields that may change when a run resumes, since no loss depends on them."""
ROUNDING = {
    *("network.grad_checkpointing", "data.micro_batch", "run.device", "run.threads", "run.compile"),
}
"""Fields that may change, after which losses are no longer bit-identical to an uninterrupted run: sums round
differently, and mixing and drop path, which are random per rank and micro-batch, may differ."""


def check_same_run(recipe: Recipe, identity: Mapping[str, Any], state: TrainingState) -> list[str]:
    """Checks that `state` belongs to the run of `recipe` and `identity`; returns changes that affect rounding.

    Changes are strings `name: before -> now`, see `ROUNDING`; those of `IRRELEVANT` fields are not returned. Raises
    `UserError` naming all changes that make it another run.
    """
    saved, current = _flat(state.values["recipe"]), _flat(recipe.to_dict())
    default = _flat(Recipe(task=recipe.task).to_dict())
    changes = {
        name: f"{name}: {saved.get(name, default.get(name))!r} -> {current.get(name)!r}"
        for name in sorted(current.keys() | saved.keys())
        if _as_json(saved.get(name, default.get(name))) != _as_json(current.get(name)) and name not in IRRELEVANT
    }
    for name in ("classes", "images", "own_order"):
        before = state.values[name]
        if _as_json(before) != _as_json(identity[name]):
            changes[name] = f"{name}: {_short(before)} -> {_short(identity[name])}"
    for split, before in state.values.get("data", {}).items():
        if split in identity["data"] and (what := differs(before, identity["data"][split])) is not None:
            changes[f"data.{split}"] = f"data.{split}: {what} differ from those that the run was trained on"
    started, given = state.values.get("start"), identity["start"]
    if started is not None and given not in ("", started):  # without one, the state's weights serve
        changes["start"] = "network.initial_checkpoint: other weights than those the run started from"
    conflicts = [text for name, text in changes.items() if name not in ROUNDING]
    if conflicts:
        lines = "\n".join(f"  {text}" for text in conflicts)
        raise UserError(
            f"{state.source} belongs to another run and cannot be resumed with these changes:\n{lines}\n"
            "Undo the changes, or start a new run from its weights with --initial-checkpoint."
        )
    affecting_rounding = [text for name, text in changes.items() if name in ROUNDING]
    affecting_rounding += [
        f"{name}: {_short(state.values[name])} -> {_short(identity[name])}"
        for name in ("world", "machine", "processor", "versions")
        if name in state.values and _as_json(state.values[name]) != _as_json(identity[name])
    ]
    return affecting_rounding


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """`section.field` -> value."""
    flat: dict[str, Any] = {}
    for name, value in recipe.items():
        flat |= {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, Mapping) else {name: value}
    return flat


def _as_json(value: Any) -> Any:
    """The value after a JSON round trip."""
    if isinstance(value, list | tuple):
        return [_as_json(each) for each in value]
    return {key: _as_json(each) for key, each in value.items()} if isinstance(value, Mapping) else value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:100]}..."
