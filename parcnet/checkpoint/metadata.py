"""The metadata of a checkpoint."""

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from parcnet.base import UserError, json_text, versions
from parcnet.base.untrusted import check_bounded

FORMAT = 1
"""Version of the format; incremented when older versions of parcnet cannot read new files."""

MOST_CLASSES = 1_000_000
"""Of one network."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Everything besides the weights that is needed to rebuild a network, preprocess its inputs and read its outputs.

    The dictionaries hold JSON values; tuples inside them are read back as lists. Invalid values raise ValueError or
    TypeError.
    """

    model: str
    """Registered name."""
    model_args: dict[str, Any]
    """Keyword arguments of `timm.create_model`: num_classes, img_size, in_chans, ..."""
    classes: tuple[str, ...]
    """Class names in the order of the logits."""
    preprocessing: dict[str, Any]
    """`Preprocessing.to_dict()`."""
    data: str
    """The training data, e.g. `digits` or the name of a folder; not an absolute path, because files are shared."""
    epoch: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=versions)
    created: str = field(default_factory=_now)
    """ISO 8601, UTC."""
    task: str = "classification"
    """The network's task; `parcnet.load` builds the network of any task."""
    task_args: dict[str, Any] = field(default_factory=dict)
    """What the task needs besides the backbone `model` to rebuild its network and to read its outputs."""

    def __post_init__(self) -> None:
        for name, kind in _KINDS.items():
            if not isinstance(value := getattr(self, name), kind):
                raise TypeError(f"{name} must be {kind.__name__}, not {value!r}")
        if self.epoch is not None and (not isinstance(self.epoch, int) or self.epoch < 0):
            raise TypeError(f"epoch must be int or None, not {self.epoch!r}")
        if not all(isinstance(name, str) for name in self.classes):
            raise TypeError("classes must be names")
        if len(self.classes) > MOST_CLASSES:
            raise ValueError(f"{len(self.classes)} classes are more than {MOST_CLASSES}")
        values = (("metrics", (int, float), "numbers"), ("versions", (str,), "texts"))
        for name, kinds, words in values:
            if not all(isinstance(value, kinds) for value in getattr(self, name).values()):
                raise TypeError(f"{name} must be {words} by name")
        if Path(self.data).is_absolute():
            raise ValueError(f"data must be a name, not the absolute path {self.data}")

    def to_json(self) -> str:
        """One JSON object with the format number. Raises ValueError for NaN and infinity, which JSON lacks."""
        # not dataclasses.asdict, which copies every recipe value deeply
        fields = {name: getattr(self, name) for name in _FIELDS}
        if self.task == "classification":  # omitted, as in files from before there were other tasks
            del fields["task"], fields["task_args"]
        return json_text({"format": FORMAT, **fields})

    @classmethod
    def from_json(cls, text: str) -> "Metadata":
        """The inverse of `to_json`. `UserError` for another format number, missing or unknown fields, wrong types."""
        try:
            fields = json.loads(text)
            number = fields.pop("format")
        except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
            raise UserError("its metadata is not a JSON object with a format number") from None
        if number != FORMAT:
            raise UserError(f"its format is {number!r}, this parcnet reads {FORMAT}: upgrade parcnet")
        if wrong := sorted((fields.keys() ^ set(_FIELDS)) - ({"task", "task_args"} - fields.keys())):
            raise UserError(f"its metadata has missing or unknown fields: {', '.join(wrong)}")
        try:
            check_bounded(fields)
            return cls(**{**fields, "classes": tuple(fields["classes"])})
        except (TypeError, ValueError) as error:
            raise UserError(f"its metadata is damaged: {error}") from None


_FIELDS = tuple(field.name for field in dataclasses.fields(Metadata))
_KINDS: dict[str, type] = {
    "model": str,
    "model_args": dict,
    "classes": tuple,
    "preprocessing": dict,
    "data": str,
    "metrics": dict,
    "recipe": dict,
    "versions": dict,
    "created": str,
    "task": str,
    "task_args": dict,
}
