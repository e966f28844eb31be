"""The plan of a run: length and batches."""

from collections.abc import Callable, Iterable
from math import ceil

import torch

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import Batches, LabelledImages, Preprocessing, Splits, train_loader
from parcnet.evaluation.batches import evaluation_batches
from parcnet.recipes import Recipe
from parcnet.tasks.task import Batch, Task
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.batch_split import split_batch
from parcnet.training.loop.plan import TrainingPlan


def make_plan(
    recipe: Recipe, task: Task, splits: Splits, metadata: Metadata, group: ProcessGroup, device: torch.device
) -> TrainingPlan:
    """The plan of the run. Raises `UserError` for too few images and batches that cannot be split."""
    split = split_batch(recipe, group.world)
    task.check_batch(split.micro, group.world, device.type)
    steps = len(splits.train) // split.batch
    if not steps:
        possible = max(len(splits.train) // (2 * group.world) * 2 * group.world, 1)
        raise UserError(
            f"{len(splits.train)} training images cannot fill one batch of {split.batch}: use --batch-size {possible} "
            "or less, or add images."
        )
    schedule = recipe.schedule
    length = schedule.iterations or (schedule.epochs + schedule.cooldown_epochs) * steps

    def evaluation(images: LabelledImages) -> Iterable[Batch]:
        return evaluation_batches(
            task,
            images,
            metadata,
            batch_size=split.micro,
            workers=recipe.data.workers,
            max_bad_images=recipe.data.max_bad_images,
            rank=group.rank,
            world=group.world,
        )

    return TrainingPlan(
        epochs=ceil(length / steps),
        steps=length,
        steps_per_epoch=steps,
        split=split,
        run=recipe.run,
        max_skipped_steps=recipe.optimizer.max_skipped_steps,
        metadata=metadata,
        training=_training_batches(recipe, task, splits.train, metadata, group, split.micro),
        validation=evaluation(splits.val),
        test=None if splits.test is None else evaluation(splits.test),
    )


def _training_batches(
    recipe: Recipe, task: Task, images: LabelledImages, metadata: Metadata, group: ProcessGroup, micro_batch: int
) -> Callable[[int, int], Batches]:
    """(epoch from 0, number of micro-batches to skip) -> this rank's augmented micro-batches."""
    transform = task.train_transform(recipe, Preprocessing.from_dict(metadata.preprocessing))

    def batches(epoch: int, start: int) -> Batches:
        return train_loader(
            images,
            transform=transform,
            batch_size=micro_batch,
            seed=recipe.run.seed,
            epoch=epoch,
            workers=recipe.data.workers,
            rank=group.rank,
            world=group.world,
            max_bad_images=recipe.data.max_bad_images,
            start_batch=start,
            pin_memory=torch.cuda.is_available(),
            collate=task.train_collate(),
        )

    return batches
