"""The images of a run, opened before any work: a mistake in the data costs seconds, not hours."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from parcnet.data import (
    Batches,
    ImageDataset,
    Preprocessing,
    eval_loader,
    has_split,
    open_dataset,
    train_loader,
    train_transform,
)
from parcnet.recipes import Recipe
from parcnet.training.ranks import Ranks


@dataclass(frozen=True, slots=True)
class Splits:
    """Networks learn from train, val chooses the best epoch, test (if there is one) is looked at once at the end."""

    train: ImageDataset
    val: ImageDataset
    test: ImageDataset | None

    @property
    def sizes(self) -> dict[str, int]:
        """Images in each split that is there."""
        named = {"train": self.train, "val": self.val, "test": self.test}
        return {name: len(images) for name, images in named.items() if images is not None}


def open_splits(recipe: Recipe) -> Splits:
    """Raises `UserError` for whatever is wrong with the folders."""
    folder = recipe.data.data_dir
    train = open_dataset(folder, "train")
    val = open_dataset(folder, "val")
    test = open_dataset(folder, "test") if has_split(folder, "test") else None
    return Splits(train, val, test)


def training_batches(
    recipe: Recipe, images: ImageDataset, preprocessing: Preprocessing, micro_batch: int, ranks: Ranks
) -> Callable[[int, int], Batches]:
    """(epoch, from 0; micro-batches to leave out at its start) -> this rank's augmented micro-batches.

    In multi-scale training they have the largest side; see `sizes`.
    """
    if recipe.data.train_sizes is not None:
        side = recipe.data.train_sizes[1]
        preprocessing = replace(preprocessing, size=(side, side))
    transform = train_transform(preprocessing, recipe.augmentation, recipe.data.train_interpolation)

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
        )

    return batches


def evaluation_batches(
    recipe: Recipe, images: ImageDataset, preprocessing: Preprocessing, micro_batch: int, ranks: Ranks
) -> Iterable[tuple[Tensor, Tensor]]:
    """This rank's images, together every image once, as the network will see images in use; can be iterated again."""
    return eval_loader(
        images,
        transform=preprocessing.transform(),
        batch_size=micro_batch,
        workers=recipe.data.workers,
        rank=ranks.rank,
        world=ranks.world,
        max_bad_images=recipe.data.max_bad_images,
        pin_memory=torch.cuda.is_available(),
    )
