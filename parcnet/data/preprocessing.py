"""From an image of any size to the tensor a network expects; stored in checkpoints, shared with everything deployed."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image
from timm.data import create_transform
from timm.data.transforms import MaybeToTensor
from torch import Tensor
from torchvision.transforms import Compose

from parcnet.base import UserError, unknown
from parcnet.data.images import MODES

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos")

Transform = Callable[[Image.Image], Tensor]
"""A PIL image of any mode and size -> float32 [C, H, W]."""


class Joint(ABC):
    """What changes an image together with its target, e.g. a flip of image and label map; sent to workers by pickle."""

    @abstractmethod
    def __call__(self, image: Image.Image, target: Any) -> tuple[Tensor, Any]:
        """A PIL image of any mode and size, and what its dataset calls its label -> what network and loss take."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """y = (crop(resize(x)) / 255 - mean) / std: the shorter side fits size / crop_pct, then the centre is cropped.

    One channel or three, by the length of `mean`. Raises `UserError` for values that make no sense.
    """

    size: tuple[int, int]
    """(H, W) in pixels."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bicubic"
    crop_pct: float = 0.875

    def __post_init__(self) -> None:
        if len(self.size) != 2 or not all(isinstance(side, int) and side > 0 for side in self.size):
            raise UserError(f"size must be (height, width) in pixels, not {self.size!r}")
        if len(self.mean) not in MODES or len(self.mean) != len(self.std):
            raise UserError(f"mean and std must both hold 1 or 3 numbers, not {self.mean!r} and {self.std!r}")
        if min(self.std) <= 0:
            raise UserError(f"std must be positive, not {self.std!r}")
        if not 0 < self.crop_pct <= 1:
            raise UserError(f"crop_pct must be above 0 and at most 1, not {self.crop_pct!r}")
        if self.interpolation not in INTERPOLATIONS:
            raise unknown("interpolation", self.interpolation, INTERPOLATIONS)

    @property
    def channels(self) -> int:
        return len(self.mean)

    def transform(self) -> Transform:
        """The preprocessing as a function, through timm."""
        return Compose([self.cropping(), self.scaling()])

    def cropping(self) -> Callable[[Image.Image], Image.Image]:
        """Its first part: an image of any mode and size -> one of `size`, still of 8 bits."""
        steps = self._steps()
        return Compose([ToChannels(self.channels), *steps[: _to_tensor(steps)]])

    def scaling(self) -> Transform:
        """Its second part: a cropped image -> the tensor."""
        steps = self._steps()
        return Compose(steps[_to_tensor(steps) :])

    def _steps(self) -> list[Any]:
        transform = create_transform(
            (self.channels, *self.size),
            interpolation=self.interpolation,
            mean=self.mean,
            std=self.std,
            crop_pct=self.crop_pct,
        )
        return list(transform.transforms)

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Preprocessing":
        """The inverse of `to_dict`; `UserError` for unknown or missing fields."""
        names = [field.name for field in dataclasses.fields(cls)]
        if wrong := sorted(values.keys() ^ set(names)):
            raise UserError(f"preprocessing must hold {', '.join(names)}; missing or unknown: {', '.join(wrong)}")
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**fields)


def _to_tensor(steps: list[Any]) -> int:
    """Where timm's steps leave 8-bit images."""
    return next(place for place, step in enumerate(steps) if isinstance(step, MaybeToTensor))


class ToChannels:
    """An 8-bit image of any mode -> grey (1 channel) or RGB (3)."""

    def __init__(self, channels: int) -> None:
        self.mode = MODES[channels]

    def __call__(self, image: Image.Image) -> Image.Image:
        return image if image.mode == self.mode else image.convert(self.mode)
