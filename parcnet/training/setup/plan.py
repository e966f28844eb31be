"""How long a run is, and on which batches."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil

from parcnet.base import UserError
from parcnet.training.setup.batches import evaluation_batches, training_batches
from parcnet.training.setup.prepare import Job
from parcnet.training.setup.batch_split import Share, share
from parcnet.training.loop.step import Batch


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and on which batches."""

    epochs: int
    """Cool-down included."""
    steps: int
    """Of the whole run."""
    steps_per_epoch: int
    """Of every epoch, but that the last may be cut short."""
    share: Share
    num_classes: int
    log_every: int
    eval_every: int
    save_every: int | None
    max_skipped: int
    training: Callable[[int, int], Iterable[Batch]]
    """(epoch, from 0; micro-batches to leave out) -> its augmented micro-batches for this rank."""
    validation: Iterable[Batch]
    """This rank's part; iterated once a validation."""

    def steps_in(self, epoch: int) -> int:
        """Of this epoch, from 0."""
        return min(self.steps_per_epoch, self.steps - epoch * self.steps_per_epoch)

    def validates(self, epoch: int) -> bool:
        """Whether validation follows this epoch, from 0."""
        return (epoch + 1) % self.eval_every == 0 or epoch + 1 == self.epochs


def make_plan(job: Job) -> Plan:
    """Raises `UserError` when the images cannot fill one batch, or the batch cannot be shared."""
    recipe, preprocessing, ranks = job.recipe, job.built.preprocessing, job.ranks
    divided = share(recipe, ranks.world)
    job.task.check(divided, job.device.type)
    steps = len(job.splits.train) // divided.batch
    if not steps:
        possible = max(len(job.splits.train) // (2 * ranks.world) * 2 * ranks.world, 1)
        raise UserError(
            f"{len(job.splits.train)} training images cannot fill one batch of {divided.batch}: use --batch-size "
            f"{possible} or less, or add images."
        )
    schedule = recipe.schedule
    length = schedule.iterations or (schedule.epochs + schedule.cooldown_epochs) * steps
    return Plan(
        epochs=ceil(length / steps),
        steps=length,
        steps_per_epoch=steps,
        share=divided,
        num_classes=len(job.classes),
        log_every=recipe.run.log_every,
        eval_every=recipe.run.eval_every,
        save_every=recipe.run.save_every,
        max_skipped=recipe.optimizer.max_skipped_steps,
        training=training_batches(job.task, job.splits.train, preprocessing, divided.micro, ranks),
        validation=evaluation_batches(job.task, job.splits.val, preprocessing, divided.micro, ranks),
    )
