"""One sample, and a batch of them, as worker processes make them. Errors travel as values: torch would garble them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from parcnet.data.datasets import LabelledImages
from parcnet.data.images import BadImage
from parcnet.data.preprocessing import Joint, Transform
from parcnet.data.randomness import hashed, preserved_randomness, reseed
from parcnet.data.sampler import Key

REPLACEMENTS = 10
"""Images drawn in place of an unreadable one before training gives up."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An image [C, H, W] or None, its label, and the files that could not be read on the way to it."""

    image: Tensor | None
    label: Any
    """A class index; for other tasks what their loss takes, None without an image."""
    bad: tuple[BadImage, ...] = ()


class TrainingSamples(Dataset[Sample]):
    """Augmented samples: f(seed, epoch, index). An unreadable image is replaced by another, drawn by the same key."""

    def __init__(self, dataset: LabelledImages, transform: Transform | Joint, seed: int) -> None:
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
                image, label = self.dataset.image(chosen), self.dataset.label(chosen)
            except BadImage as error:
                bad.append(error)
                chosen = hashed(self.seed, epoch, index, attempt)[0] % len(self.dataset)
                continue
            reseed(self.seed, epoch, index)
            return Sample(*_transformed(self.transform, image, label), tuple(bad))
        return Sample(None, None, tuple(bad))


class EvaluationSamples(Dataset[Sample]):
    """Samples by index; an unreadable image is None."""

    def __init__(self, dataset: LabelledImages, transform: Transform | Joint) -> None:
        self.dataset, self.transform = dataset, transform

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        try:
            image, label = self.dataset.image(index), self.dataset.label(index)
        except BadImage as error:
            return Sample(None, None, (error,))
        return Sample(*_transformed(self.transform, image, label))


def _transformed(transform: Transform | Joint, image: Image.Image, label: Any) -> tuple[Tensor, Any]:
    return transform(image, label) if isinstance(transform, Joint) else (transform(image), label)


class Batch(NamedTuple):
    """The samples that have an image, how many have none, and what could not be read."""

    images: Tensor | list[Tensor]
    """[B, C, H, W], or B images [C, H, W] of many sizes"""
    labels: Any
    """[B] int64, or what the task's loss takes: B long, too"""
    lost: int
    bad: list[BadImage]


def collate(samples: Sequence[Sample]) -> Batch:
    """Samples -> one batch, in shared memory when called in a worker."""
    read = [(sample.image, sample.label) for sample in samples if sample.image is not None]
    images, labels = default_collate(read) if read else (torch.empty(0), torch.empty(0, dtype=torch.int64))
    return Batch(images, labels, len(samples) - len(read), [error for sample in samples for error in sample.bad])


def collate_lists(samples: Sequence[Sample]) -> Batch:
    """As `collate`, for images of many sizes: a list of images and a list of what belongs to each."""
    read = [sample for sample in samples if sample.image is not None]
    images = [sample.image for sample in read if sample.image is not None]
    bad = [error for sample in samples for error in sample.bad]
    return Batch(images, [sample.label for sample in read], len(samples) - len(read), bad)
