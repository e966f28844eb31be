"""Whether a training state belongs to the run that a recipe describes."""

from collections.abc import Mapping
from typing import Any

from parcnet.base import UserError
from parcnet.data.fingerprint import differs
from parcnet.recipes import Recipe
from parcnet.training.run.state import TrainingState

FREE = {
    *("name", "network.initial_checkpoint", "data.data_dir", "data.workers", "data.max_bad_images"),
    *("run.output", "run.log_every", "run.eval_every", "run.save_every", "run.keep_every", "run.track"),
}
"""What may change when a run resumes: no loss depends on it."""
ROUNDING = {
    *("network.grad_checkpointing", "data.micro_batch", "run.device", "run.threads", "run.compile"),
}
"""What may change, but then losses are no longer bit-identical to an uninterrupted run: sums round differently, and
mixing and drop path, which draw for each rank and micro-batch, may draw other numbers."""


def check_same_run(recipe: Recipe, identity: Mapping[str, Any], state: TrainingState) -> list[str]:
    """Changes since the state was saved besides `FREE`, as `name: before -> now`, if it is still the same run.

    `identity` is what a state says of its run. Raises `UserError` naming every change after which it would be another
    run; for the others see `ROUNDING`.
    """
    then, now = _flat(state.values["recipe"]), _flat(recipe.to_dict())
    default = _flat(Recipe(task=recipe.task).to_dict())
    changes = {
        name: f"{name}: {then.get(name, default.get(name))!r} -> {now.get(name)!r}"
        for name in sorted(now.keys() | then.keys())
        if _as_json(then.get(name, default.get(name))) != _as_json(now.get(name)) and name not in FREE
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
    wrong = [text for name, text in changes.items() if name not in ROUNDING]
    if wrong:
        lines = "\n".join(f"  {text}" for text in wrong)
        raise UserError(
            f"{state.source} belongs to another run, so it cannot be resumed with these changes:\n{lines}\n"
            "Undo the changes, or begin a new run: --initial-checkpoint takes its weights."
        )
    changed = [text for name, text in changes.items() if name in ROUNDING]
    changed += [
        f"{name}: {_short(state.values[name])} -> {_short(identity[name])}"
        for name in ("world", "machine", "processor", "versions")
        if name in state.values and _as_json(state.values[name]) != _as_json(identity[name])
    ]
    return changed


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """`section.field` -> value."""
    flat: dict[str, Any] = {}
    for name, value in recipe.items():
        flat |= {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, Mapping) else {name: value}
    return flat


def _as_json(value: Any) -> Any:
    """As JSON would return it."""
    if isinstance(value, list | tuple):
        return [_as_json(each) for each in value]
    return {key: _as_json(each) for key, each in value.items()} if isinstance(value, Mapping) else value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:100]}..."
