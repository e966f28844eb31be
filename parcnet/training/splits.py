"""The images of a run, opened before any work: a mistake in the data costs seconds, not hours."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor

from parcnet.base import UserError
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
    """Raises `UserError` for whatever is wrong with the folders, and for batches that mixup could not pair."""
    folder = recipe.data.data_dir
    train = open_dataset(folder, "train")
    val = open_dataset(folder, "val")
    test = open_dataset(folder, "test") if has_split(folder, "test") else None
    if (recipe.augmentation.mixup or recipe.augmentation.cutmix) and recipe.data.batch_size % 2:
        raise UserError(
            f"batch_size is {recipe.data.batch_size}; mixup and cutmix pair the images of a batch, so it must be even."
        )
    return Splits(train, val, test)


def training_batches(recipe: Recipe, images: ImageDataset, preprocessing: Preprocessing) -> Callable[[int], Batches]:
    """Epoch, from 0 -> its augmented batches."""
    transform = train_transform(preprocessing, recipe.augmentation, recipe.data.train_interpolation)

    def batches(epoch: int) -> Batches:
        return train_loader(
            images,
            transform=transform,
            batch_size=recipe.data.batch_size,
            seed=recipe.run.seed,
            epoch=epoch,
            workers=recipe.data.workers,
            max_bad_images=recipe.data.max_bad_images,
        )

    return batches


def evaluation_batches(
    recipe: Recipe, images: ImageDataset, preprocessing: Preprocessing
) -> Iterable[tuple[Tensor, Tensor]]:
    """Every image once, as the network will see images in use; can be iterated again and again."""
    return eval_loader(
        images,
        transform=preprocessing.transform(),
        batch_size=recipe.data.batch_size,
        workers=recipe.data.workers,
        max_bad_images=recipe.data.max_bad_images,
    )
