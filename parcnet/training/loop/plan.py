"""The plan of a run: length, batches and intervals."""

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
    """Including cooldown."""
    steps: int
    """Steps of the whole run."""
    steps_per_epoch: int
    """Steps per epoch; the last epoch may have fewer."""
    split: BatchSplit
    run: Run
    """The recipe's intervals: log_every, eval_every, save_every, keep_every."""
    max_skipped_steps: int
    metadata: Metadata
    """Metadata of the run's checkpoints, without epoch and metrics."""
    training: Callable[[int, int], Iterable[Batch]]
    """(epoch from 0, number of micro-batches to skip) -> this rank's augmented micro-batches."""
    validation: Iterable[Batch]
    """This rank's part of the validation split."""
    test: Iterable[Batch] | None
    """This rank's part of the test split, for the final evaluation; None without a test split."""

    def steps_in(self, epoch: int) -> int:
        """Number of steps of an epoch (from 0)."""
        return min(self.steps_per_epoch, self.steps - epoch * self.steps_per_epoch)

    def validates(self, epoch: int) -> bool:
        """Whether validation follows an epoch (from 0)."""
        return (epoch + 1) % self.run.eval_every == 0 or epoch + 1 == self.epochs
