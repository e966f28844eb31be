"""How far a run is: what a training state holds besides tensors."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Progress:
    """`done` steps of epoch `epoch` (from 0) are taken; validation comes after the last of them."""

    epoch: int = 0
    done: int = 0
    losses: list[float] = field(default_factory=list)
    """Finite losses of this epoch's steps: their mean is logged."""
    skipped: int = 0
    """Consecutive steps, up to now, that changed nothing because loss or gradient was not finite."""
    best: dict[str, Any] | None = None
    """The log line of the best epoch so far."""

    def next_epoch(self) -> None:
        """Moves to the next epoch, after validation."""
        self.epoch, self.done, self.losses = self.epoch + 1, 0, []
