"""The progress of a run, which a training state holds besides tensors."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Progress:
    """`done` steps of epoch `epoch` (from 0) have been taken; validation follows the last of them."""

    epoch: int = 0
    done: int = 0
    losses: list[float] = field(default_factory=list)
    """Finite losses of this epoch's steps, whose mean is logged."""
    skipped: int = 0
    """Number of latest consecutive steps skipped because loss or gradient was not finite."""
    best: dict[str, Any] | None = None
    """The log line of the best epoch so far."""

    def next_epoch(self) -> None:
        """Advances to the next epoch after validation."""
        self.epoch, self.done, self.losses = self.epoch + 1, 0, []
