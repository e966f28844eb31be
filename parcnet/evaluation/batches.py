"""Batches of a split with the evaluation transform of its task."""

import torch

from parcnet.checkpoint import Metadata
from parcnet.data import Batches, LabelledImages, eval_loader
from parcnet.tasks.task import Task


def evaluation_batches(
    task: Task,
    images: LabelledImages,
    metadata: Metadata,
    *,
    batch_size: int,
    workers: int = 0,
    max_bad_images: int = 0,
    rank: int = 0,
    world: int = 1,
) -> Batches:
    """This rank's batches of a split, without augmentation; each image is on one rank. Can be iterated repeatedly."""
    return eval_loader(
        images,
        transform=task.eval_transform(metadata),
        batch_size=min(batch_size, task.eval_batch or batch_size),
        workers=workers,
        rank=rank,
        world=world,
        max_bad_images=max_bad_images,
        pin_memory=torch.cuda.is_available(),
        collate=task.eval_collate(),
    )
