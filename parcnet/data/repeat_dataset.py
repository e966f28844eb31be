"""A small dataset repeated within an epoch, so that validation and checkpoints come less often."""

from typing import Any

from PIL import Image

from parcnet.base import UserError
from parcnet.data.datasets import LabelledImages, SupportsEpochOrder

_MOST = 100_000_000
"""Most images in an epoch, since their order is one array."""


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
    """`images`, each `times` times. Raises `UserError` for images that are read shard by shard, and for too many."""
    if times == 1:
        return images
    if isinstance(images, SupportsEpochOrder):
        raise UserError(f"{images.name} is read shard by shard, so its images cannot be repeated: leave repeats out.")
    if len(images) * times > _MOST:
        raise UserError(
            f"repeats is {times}, which makes {len(images) * times} images an epoch; expected at most {_MOST}: use "
            f"repeats {_MOST // len(images)} or less, and more epochs."
        )
    return RepeatDataset(images, times)
