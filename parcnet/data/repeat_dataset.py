"""A small dataset repeated within an epoch, so that validation and checkpoints come less often."""

from typing import Any

from PIL import Image

from parcnet.base import UserError
from parcnet.data.datasets import LabelledImages, SupportsEpochOrder


class RepeatDataset:
    """`images` repeated `times` times; every repetition is augmented independently, since its index differs."""

    def __init__(self, images: LabelledImages, times: int) -> None:
        self._images = images
        self._times = times
        self.classes = images.classes
        self.name = images.name

    def __len__(self) -> int:
        return len(self._images) * self._times

    def image(self, index: int) -> Image.Image:
        return self._images.image(index % len(self._images))

    def label(self, index: int) -> Any:
        return self._images.label(index % len(self._images))

    def where(self, index: int) -> str:
        return self._images.where(index % len(self._images))


def repeated(images: LabelledImages, times: int) -> LabelledImages:
    """`images`, each `times` times. Raises `UserError` for images that are read shard by shard."""
    if times == 1:
        return images
    if isinstance(images, SupportsEpochOrder):
        raise UserError(f"{images.name} is read shard by shard, so its images cannot be repeated: leave repeats out.")
    return RepeatDataset(images, times)
