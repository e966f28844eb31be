"""One sample, and a batch of them, as worker processes make them. Errors travel as values: torch would garble them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from parcnet.data.datasets import ImageDataset
from parcnet.data.images import BadImage
from parcnet.data.preprocessing import Transform
from parcnet.data.randomness import hashed, preserved_randomness, reseed
from parcnet.data.sampler import Key

REPLACEMENTS = 10
"""Images drawn in place of an unreadable one before training gives up."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An image [C, H, W] or None, its label, and the files that could not be read on the way to it."""

    image: Tensor | None
    label: int
    bad: tuple[BadImage, ...] = ()


class TrainingSamples(Dataset[Sample]):
    """Augmented samples: f(seed, epoch, index). An unreadable image is replaced by another, drawn by the same key."""

    def __init__(self, dataset: ImageDataset, transform: Transform, seed: int) -> None:
        self.dataset, self.transform, self.seed = dataset, transform, seed

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: Key) -> Sample:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[Key]) -> list[Sample]:
        with preserved_randomness():
            return [self._read(epoch, index) for epoch, index in keys]

    def _read(self, epoch: int, index: int) -> Sample:
        bad: list[BadImage] = []
        chosen = index
        for attempt in range(1 + REPLACEMENTS):
            try:
                image = self.dataset.image(chosen)
            except BadImage as error:
                bad.append(error)
                chosen = hashed(self.seed, epoch, index, attempt)[0] % len(self.dataset)
                continue
            reseed(self.seed, epoch, index)
            return Sample(self.transform(image), self.dataset.label(chosen), tuple(bad))
        return Sample(None, self.dataset.label(index), tuple(bad))


class EvaluationSamples(Dataset[Sample]):
    """Samples by index; an unreadable image is None."""

    def __init__(self, dataset: ImageDataset, transform: Transform) -> None:
        self.dataset, self.transform = dataset, transform

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        label = self.dataset.label(index)
        try:
            return Sample(self.transform(self.dataset.image(index)), label)
        except BadImage as error:
            return Sample(None, label, (error,))


class Batch(NamedTuple):
    """The samples that have an image, how many have none, and what could not be read."""

    images: Tensor
    """[B, C, H, W]"""
    labels: Tensor
    """[B] int64"""
    lost: int
    bad: list[BadImage]


def collate(samples: Sequence[Sample]) -> Batch:
    """Samples -> one batch, in shared memory when called in a worker."""
    read = [(sample.image, sample.label) for sample in samples if sample.image is not None]
    images, labels = default_collate(read) if read else (torch.empty(0), torch.empty(0, dtype=torch.int64))
    return Batch(images, labels, len(samples) - len(read), [error for sample in samples for error in sample.bad])
