"""Which image comes when."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler

from parcnet.data.randomness import hashed

Key = tuple[int, int]
"""(epoch, index): together with the seed, all that an augmented sample depends on."""

Shuffle = Callable[[torch.Generator], Tensor | None]


class EpochSampler(Sampler[Key]):
    """The (epoch, index) of every sample of an epoch, in an order that depends only on (seed, epoch).

    Rank r of w takes places r, r + w, r + 2w, ... of the permutation of `length` images. Ranks never overlap and get
    equally many: the last `length % w` places, other images in each epoch, are left out. `start` samples of the rank
    are skipped, to resume within an epoch. `shuffle` may be the data's own: generator -> a permutation, or None for
    one of all that are possible.
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
