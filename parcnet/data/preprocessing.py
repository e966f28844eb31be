"""Preprocessing of images into a network's input; stored in checkpoints and in exported files."""

import dataclasses
import math
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

_LONGEST = 16.0
"""Longer side to shorter side of the images that are resized whole."""
LARGEST_SIDE = 8192
"""Bound on the sides of a network's input, px."""
SMALLEST_CROP = 0.01
"""Bound on crop_pct, below which resized images would be a hundred times as large as the input."""
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos")

Transform = Callable[[Image.Image], Tensor]
"""A PIL image of any mode and size -> float32 [C, H, W]."""


class JointTransform(ABC):
    """Transforms an image together with its target, e.g. flips image and label map; sent to workers by pickle."""

    @abstractmethod
    def __call__(self, image: Image.Image, target: Any) -> tuple[Tensor, Any]:
        """(PIL image of any mode and size, the dataset's label) -> (network input, target of the loss)."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """y = (crop(resize(x)) / 255 - mean) / std: resizes the shorter side to size / crop_pct, then crops the centre.

    The length of `mean`, 1 or 3, is the number of channels. Raises `UserError` for invalid values.
    """

    size: tuple[int, int]
    """(H, W) in pixels."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bicubic"
    crop_pct: float = 0.875

    def __post_init__(self) -> None:
        sides = isinstance(self.size, tuple) and len(self.size) == 2 and all(type(side) is int for side in self.size)
        if not sides or not all(0 < side <= LARGEST_SIDE for side in self.size):
            raise UserError(f"size must be (height, width) in pixels, at most {LARGEST_SIDE} each, not {self.size!r}")
        if not (_numbers(self.mean) and _numbers(self.std) and len(self.mean) == len(self.std)):
            raise UserError(f"mean and std must both hold 1 or 3 numbers, not {self.mean!r} and {self.std!r}")
        if min(self.std) <= 0:
            raise UserError(f"std must be positive, not {self.std!r}")
        share = isinstance(self.crop_pct, int | float) and SMALLEST_CROP <= self.crop_pct <= 1
        if not share:
            raise UserError(f"crop_pct must be at least {SMALLEST_CROP} and at most 1, not {self.crop_pct!r}")
        if not isinstance(self.interpolation, str) or self.interpolation not in INTERPOLATIONS:
            raise unknown("interpolation", str(self.interpolation), INTERPOLATIONS)

    @property
    def channels(self) -> int:
        return len(self.mean)

    def transform(self) -> Transform:
        """The preprocessing as one transform, through timm."""
        return Compose([self.cropping(), self.scaling()])

    def cropping(self) -> Callable[[Image.Image], Image.Image]:
        """The first part, resize and crop: an image of any mode and size -> an 8-bit image of `size`."""
        steps = self._steps()
        extremes = WithoutExtremes(max(_LONGEST, 2 * max(self.size) / min(self.size)))
        return Compose([extremes, ToChannels(self.channels), *steps[: _to_tensor(steps)]])

    def scaling(self) -> Transform:
        """The second part: a cropped image -> the normalised tensor."""
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
        """The fields as JSON values."""
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


def _numbers(values: object) -> bool:
    """Whether these are finite numbers of moderate size, one for each channel."""
    return (
        isinstance(values, tuple)
        and len(values) in MODES
        and all(isinstance(each, int | float) and abs(each) <= 1e6 for each in values)
    )


def _to_tensor(steps: list[Any]) -> int:
    """Index of the step of timm's that converts 8-bit images to tensors."""
    return next(index for index, step in enumerate(steps) if isinstance(step, MaybeToTensor))


class WithoutExtremes:
    """Cuts the centre out of an image that is more than `longest` times as long as it is wide.

    Resized by its shorter side, 1 x 20000 px would take gigabytes, of which the centre crop keeps a square.
    """

    def __init__(self, longest: float) -> None:
        self.longest = longest

    def __call__(self, image: Image.Image) -> Image.Image:
        most = math.ceil(self.longest * min(image.size))
        if max(image.size) <= most:
            return image
        width, height = (min(side, most) for side in image.size)
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return image.crop((left, top, left + width, top + height))


class ToChannels:
    """An 8-bit image of any mode -> greyscale (1 channel) or RGB (3)."""

    def __init__(self, channels: int) -> None:
        self.mode = MODES[channels]

    def __call__(self, image: Image.Image) -> Image.Image:
        return image if image.mode == self.mode else image.convert(self.mode)
