"""Deterministic, resumable shuffling of an epoch over ranks."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler

from parcnet.data.randomness import hashed

Key = tuple[int, int]
"""(epoch, index): an augmented sample depends on these and the seed alone."""

Shuffle = Callable[[torch.Generator], Tensor | None]


class EpochSampler(Sampler[Key]):
    """The (epoch, index) of every sample of an epoch, in an order that depends only on (seed, epoch).

    Rank r of w takes elements r, r + w, r + 2w, ... of the permutation of `length` images. Ranks never overlap and
    have equally many samples: the last `length % w` elements, different images in each epoch, are dropped. The first
    `start` samples of the rank are skipped, to resume within an epoch. `shuffle` maps a generator to the dataset's own
    permutation, or to None for a uniform one.
    """

    def __init__(
        self,
        length: int,
        *,
        seed: int,
        epoch: int,
        rank: int = 0,
        world: int = 1,
        start: int = 0,
        shuffle: Shuffle | None = None,
    ) -> None:
        self.length, self.seed, self.epoch = length, seed, epoch
        self.rank, self.world, self.start, self.shuffle = rank, world, start, shuffle

    def __len__(self) -> int:
        return max(self.length // self.world - self.start, 0)

    def __iter__(self) -> Iterator[Key]:
        generator = torch.Generator().manual_seed(hashed(self.seed, self.epoch)[0])
        order = None if self.shuffle is None else self.shuffle(generator)
        if order is None:
            order = torch.randperm(self.length, generator=generator)
        mine = order[self.rank :: self.world][: self.length // self.world]
        return ((self.epoch, index) for index in mine[self.start :].tolist())
