"""Setup -> the plan of the run: its length and its batches."""

from collections.abc import Callable, Iterable
from math import ceil

import torch

from parcnet.base import UserError
from parcnet.data import Batches, LabelledImages, train_loader
from parcnet.evaluation.batches import evaluation_batches
from parcnet.tasks.task import Batch
from parcnet.training.loop.batch_split import split_batch
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.setup.prepare import RunSetup


def make_plan(setup: RunSetup) -> TrainingPlan:
    """Raises `UserError` when the images cannot fill one batch, or the batch cannot be split."""
    recipe, group, images = setup.recipe, setup.group, setup.splits.train
    split = split_batch(recipe, group.world)
    setup.task.check_batch(split.micro, group.world, setup.device.type)
    steps = len(images) // split.batch
    if not steps:
        possible = max(len(images) // (2 * group.world) * 2 * group.world, 1)
        raise UserError(
            f"{len(images)} training images cannot fill one batch of {split.batch}: use --batch-size {possible} or "
            "less, or add images."
        )
    schedule = recipe.schedule
    length = schedule.iterations or (schedule.epochs + schedule.cooldown_epochs) * steps
    return TrainingPlan(
        epochs=ceil(length / steps),
        steps=length,
        steps_per_epoch=steps,
        split=split,
        run=recipe.run,
        max_skipped_steps=recipe.optimizer.max_skipped_steps,
        metadata=setup.metadata(),
        training=_training_batches(setup, split.micro),
        validation=split_batches(setup, setup.splits.val, split.micro),
    )


def split_batches(setup: RunSetup, images: LabelledImages, batch_size: int) -> Iterable[Batch]:
    """This rank's part of a split, as it is evaluated; can be iterated again."""
    return evaluation_batches(
        setup.task,
        images,
        setup.metadata(),
        batch_size=batch_size,
        workers=setup.recipe.data.workers,
        max_bad_images=setup.recipe.data.max_bad_images,
        rank=setup.group.rank,
        world=setup.group.world,
    )


def _training_batches(setup: RunSetup, micro_batch: int) -> Callable[[int, int], Batches]:
    """(epoch, from 0; micro-batches to skip at its start) -> this rank's augmented micro-batches."""
    recipe, group = setup.recipe, setup.group
    transform = setup.task.train_transform(recipe, setup.built.preprocessing)

    def batches(epoch: int, start: int) -> Batches:
        return train_loader(
            setup.splits.train,
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
            collate=setup.task.train_collate(),
        )

    return batches
