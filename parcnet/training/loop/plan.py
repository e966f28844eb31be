"""How long a run is, and on which batches."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from parcnet.checkpoint import Metadata
from parcnet.recipes import Run
from parcnet.tasks.task import Batch
from parcnet.training.loop.batch_split import BatchSplit


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Length, batches and intervals of a run."""

    epochs: int
    """Cool-down included."""
    steps: int
    """Of the whole run."""
    steps_per_epoch: int
    """Of every epoch, except that the last may be cut short."""
    split: BatchSplit
    run: Run
    """The recipe's intervals: log_every, eval_every, save_every, keep_every."""
    max_skipped_steps: int
    metadata: Metadata
    """Of every checkpoint, before epoch and metrics are known; what evaluation depends on."""
    training: Callable[[int, int], Iterable[Batch]]
    """(epoch, from 0; micro-batches to skip) -> this rank's augmented micro-batches."""
    validation: Iterable[Batch]
    """This rank's part; iterated once a validation."""
    test: Iterable[Batch] | None
    """This rank's part of the test split, for the end of the run; None where there is none."""

    def steps_in(self, epoch: int) -> int:
        """Steps of this epoch, from 0."""
        return min(self.steps_per_epoch, self.steps - epoch * self.steps_per_epoch)

    def validates(self, epoch: int) -> bool:
        """Whether validation follows this epoch, from 0."""
        return (epoch + 1) % self.run.eval_every == 0 or epoch + 1 == self.epochs
