"""The lines of the logs of a run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_VAL = "val_"


@dataclass(frozen=True, slots=True)
class StepLog:
    """One line of steps.jsonl. Loss, gradient norm and learning rate are determined by the recipe; the rest is not."""

    step: int
    """From 1."""
    epoch: int
    """From 1."""
    loss: float | None
    """Mean training loss of the batch, with augmentation and label smoothing, in nats; None: not finite."""
    grad_norm: float | None
    """Norm of the gradient before clipping; None: not finite."""
    lr: float
    updated: bool
    """Whether the weights were updated."""
    images_per_second: float
    """Over all processes, reading included."""
    waited: float
    """Seconds spent waiting for the images."""
    memory_mb: float | None
    """Peak memory so far in 10^6 bytes: of tensors on a GPU, else of the process."""


@dataclass(frozen=True, slots=True)
class EpochLog:
    """One line of log.jsonl."""

    epoch: int
    """From 1."""
    train_loss: float
    """Mean training loss over the epoch's steps, with augmentation and label smoothing, in nats."""
    val: Mapping[str, float | None]
    """Validation metrics of the task, e.g. loss (mean cross entropy without smoothing, in nats) and top1 (in [0, 1]);
    None without validation. With weight averaging, of the averaged network. Named val_NAME in the file."""
    lr: float
    """Learning rate of the epoch's last step."""
    seconds: float
    """Duration of training and validation; of a resumed epoch, since resuming."""
    images_per_second: float
    """Over all processes, without validation."""
    waited: float
    """Fraction of the training time spent waiting for images."""

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON values."""
        line: dict[str, Any] = {}
        for name, value in asdict(self).items():
            line |= {f"{_VAL}{each}": figure for each, figure in value.items()} if name == "val" else {name: value}
        return line

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> "EpochLog":
        """The inverse of `to_dict`. Raises TypeError for unknown and missing fields."""
        val = {name.removeprefix(_VAL): value for name, value in line.items() if name.startswith(_VAL)}
        return cls(val=val, **{name: value for name, value in line.items() if not name.startswith(_VAL)})
