"""Splits the batch of a recipe over ranks and micro-batches, without changing its size."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

from parcnet.base import UserError
from parcnet.recipes import Recipe


@dataclass(frozen=True, slots=True)
class BatchSplit:
    """batch = world x accumulation x micro."""

    batch: int
    """Images per optimiser step, over all ranks."""
    world: int
    accumulation: int
    """Micro-batches per rank whose gradients are accumulated before a step."""

    @property
    def micro(self) -> int:
        """Images per micro-batch."""
        return self.batch // self.world // self.accumulation

    def __str__(self) -> str:
        parts = [f"{self.world} processes"] if self.world > 1 else []
        parts += [f"{self.accumulation} micro-batches"] if self.accumulation > 1 else []
        return " x ".join([*parts, f"{self.micro} images"])


def split_batch(recipe: Recipe, world: int) -> BatchSplit:
    """The fewest micro-batches of equal size up to `micro_batch`; of even size with mixup or cutmix.

    Raises `UserError` when `world` does not divide the batch, or no such micro-batches exist.
    """
    batch, limit = recipe.data.batch_size, recipe.data.micro_batch
    mixed = bool(recipe.augmentation.mixup or recipe.augmentation.cutmix)
    if batch % world:
        fits = max(each for each in range(1, world + 1) if batch % each == 0)
        raise UserError(
            f"batch_size is {batch}, which {world} processes cannot share equally. Use --batch-size "
            f"{max(batch // world, 1) * world}, or {fits} processes."
        )
    own = batch // world
    micro = max(
        (each for each in _divisors(own) if each <= (limit or own) and not (mixed and each % 2)),
        default=None,
    )
    if micro is not None:
        return BatchSplit(batch, world, own // micro)
    each = f" in each of {world} processes" if world > 1 else ""
    condition = "" if limit is None else f" and micro_batch {limit}"
    raise UserError(
        f"batch_size is {batch}: {own} images{each}{condition}; mixup and cutmix pair the images of a micro-batch, so "
        "their number must be even. Change --batch-size or --micro-batch."
    )


def _divisors(number: int) -> Iterator[int]:
    for each in range(1, isqrt(number) + 1):
        if number % each == 0:
            yield each
            yield number // each
