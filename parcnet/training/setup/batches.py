"""The batches of a run, as its task reads them."""

from collections.abc import Callable, Iterable

import torch

from parcnet.data import Batches, LabelledImages, Preprocessing, eval_loader, train_loader
from parcnet.training.distributed.process_group import Ranks
from parcnet.training.loop.step import Batch
from parcnet.tasks import Task


def training_batches(
    task: Task, images: LabelledImages, preprocessing: Preprocessing, micro_batch: int, ranks: Ranks
) -> Callable[[int, int], Batches]:
    """(epoch, from 0; micro-batches to leave out at its start) -> this rank's augmented micro-batches."""
    recipe = task.recipe
    transform = task.transform(preprocessing, training=True)

    def batches(epoch: int, start: int) -> Batches:
        return train_loader(
            images,
            transform=transform,
            batch_size=micro_batch,
            seed=recipe.run.seed,
            epoch=epoch,
            workers=recipe.data.workers,
            rank=ranks.rank,
            world=ranks.world,
            max_bad_images=recipe.data.max_bad_images,
            start_batch=start,
            pin_memory=torch.cuda.is_available(),
            collate=task.collate(training=True),
        )

    return batches


def evaluation_batches(
    task: Task, images: LabelledImages, preprocessing: Preprocessing, micro_batch: int, ranks: Ranks
) -> Iterable[Batch]:
    """This rank's images, together every image once, as the network will see images in use; can be iterated again."""
    return eval_loader(
        images,
        transform=task.transform(preprocessing, training=False),
        batch_size=micro_batch,
        workers=task.recipe.data.workers,
        rank=ranks.rank,
        world=ranks.world,
        max_bad_images=task.recipe.data.max_bad_images,
        pin_memory=torch.cuda.is_available(),
        collate=task.collate(training=False),
    )
