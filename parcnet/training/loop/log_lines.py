"""The lines of a run's logs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_VAL = "val_"


@dataclass(frozen=True, slots=True)
class StepLog:
    """One line of steps.jsonl. Losses, gradients and learning rates are functions of the recipe; the rest is not."""

    step: int
    """From 1."""
    epoch: int
    """From 1."""
    loss: float | None
    """Mean over the batch, on augmented images and smoothed labels, in nats; None: not finite."""
    grad_norm: float | None
    """Length of the whole gradient before clipping; None: not finite."""
    lr: float
    updated: bool
    """Whether the weights changed."""
    images_per_second: float
    """Of all processes together, reading included."""
    waited: float
    """Seconds that the step waited for its images."""
    memory_mb: float
    """Most memory taken so far: of the GPU by tensors, else of the process."""


@dataclass(frozen=True, slots=True)
class EpochLog:
    """One line of log.jsonl."""

    epoch: int
    """From 1."""
    train_loss: float
    """Mean over the epoch's steps, on augmented images and smoothed labels, in nats."""
    val: Mapping[str, float | None]
    """The task's figures on validation, e.g. loss (mean cross entropy without smoothing, in nats) and top1 (in [0, 1]);
    None: not validated. With an average of the weights: of the averaged network. In the file each is val_NAME."""
    lr: float
    """Of the epoch's last step."""
    seconds: float
    """Training and validation, since the run began or went on."""
    images_per_second: float
    """Training alone."""
    waited: float
    """Share of the training time in which steps waited for images."""

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON values."""
        line: dict[str, Any] = {}
        for name, value in asdict(self).items():
            line |= {f"{_VAL}{each}": figure for each, figure in value.items()} if name == "val" else {name: value}
        return line

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> "EpochLog":
        """The inverse of `to_dict`; TypeError for unknown and missing fields."""
        val = {name.removeprefix(_VAL): value for name, value in line.items() if name.startswith(_VAL)}
        return cls(val=val, **{name: value for name, value in line.items() if not name.startswith(_VAL)})
