"""Samples and batches as worker processes make them. Errors are returned as values: torch would rewrap exceptions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from parcnet.data.datasets import LabelledImages
from parcnet.data.images import BadImage
from parcnet.data.preprocessing import JointTransform, Transform
from parcnet.data.randomness import hashed, preserved_randomness, reseed
from parcnet.data.sampler import Key

REPLACEMENTS = 10
"""Replacements drawn for an unreadable image before training stops."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An image [C, H, W] or None, its label, and the files that could not be read."""

    image: Tensor | None
    label: Any
    """A class index, or the target of the task's loss; None without an image."""
    bad: tuple[BadImage, ...] = ()


class TrainingSamples(Dataset[Sample]):
    """Augmented samples: f(seed, epoch, index). An unreadable image is replaced by another, drawn from the same key."""

    def __init__(self, dataset: LabelledImages, transform: Transform | JointTransform, seed: int) -> None:
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
                with _within_memory(self.dataset, chosen):
                    image, label = self.dataset.image(chosen), self.dataset.label(chosen)
                    reseed(self.seed, epoch, index)
                    return Sample(*_transformed(self.transform, image, label), tuple(bad))
            except BadImage as error:
                bad.append(error)
                chosen = hashed(self.seed, epoch, index, attempt)[0] % len(self.dataset)
        return Sample(None, None, tuple(bad))


class EvaluationSamples(Dataset[Sample]):
    """Samples without augmentation; an unreadable image is None."""

    def __init__(self, dataset: LabelledImages, transform: Transform | JointTransform) -> None:
        self.dataset, self.transform = dataset, transform

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        try:
            with _within_memory(self.dataset, index):
                image, label = self.dataset.image(index), self.dataset.label(index)
                return Sample(*_transformed(self.transform, image, label))
        except BadImage as error:
            return Sample(None, None, (error,))


@contextmanager
def _within_memory(dataset: LabelledImages, index: int) -> Iterator[None]:
    """An image whose transform does not fit into memory is a bad image: the others are still good."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):  # how torch's CPU allocator says it
            raise
        reason = "the image, or what its transform makes of it, does not fit into memory; downscale it"
        raise BadImage(dataset.where(index), reason) from error


def _transformed(transform: Transform | JointTransform, image: Image.Image, label: Any) -> tuple[Tensor, Any]:
    return transform(image, label) if isinstance(transform, JointTransform) else (transform(image), label)


class Batch(NamedTuple):
    """The samples with an image, the number of those without, and the read errors."""

    images: Tensor | list[Tensor]
    """[B, C, H, W], or B images [C, H, W] of different sizes"""
    labels: Any
    """[B] int64, or the B targets of the task's loss"""
    lost: int
    bad: list[BadImage]


def collate(samples: Sequence[Sample]) -> Batch:
    """Samples -> one batch, in shared memory when called in a worker."""
    read = [(sample.image, sample.label) for sample in samples if sample.image is not None]
    images, labels = default_collate(read) if read else (torch.empty(0), torch.empty(0, dtype=torch.int64))
    return Batch(images, labels, len(samples) - len(read), [error for sample in samples for error in sample.bad])


def collate_lists(samples: Sequence[Sample]) -> Batch:
    """As `collate`, for images of different sizes: a list of images and a list of their targets."""
    read = [sample for sample in samples if sample.image is not None]
    images = [sample.image for sample in read if sample.image is not None]
    bad = [error for sample in samples for error in sample.bad]
    return Batch(images, [sample.label for sample in read], len(samples) - len(read), bad)
