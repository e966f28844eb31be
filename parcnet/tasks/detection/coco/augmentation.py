"""Augmentation of training images with their boxes and masks, through torchvision's transforms v2."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

from parcnet.data.photometric import photometric_distortion
from parcnet.data.preprocessing import JointTransform
from parcnet.tasks.detection.coco.codec import decode
from parcnet.tasks.detection.coco.instances import Instances
from parcnet.tasks.detection.coco.masks import CroppedMasks
from parcnet.tasks.detection.coco.targets import Target

Policy = Literal["two_policies", "resize"]

SHORT_SIDES = tuple(range(480, 801, 32))
BEFORE_CROP = (400, 500, 600)
CROP = (384, 600)
LONG_SIDE = 1333
"""px, as published: resize, or resize, crop and resize again (ICCV 2023, Sec. 4.3, which follows ConvNeXt)."""

_MASKS_AT_ONCE = 32
"""Number of full-size masks in memory at a time."""
_SMALLEST = 1.0
"""Smallest width and height in px of a box after cropping; smaller ones are left out."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """A geometric transform of images of one size: a flip, then resizes and crops in order."""

    flip: bool
    steps: tuple[tuple[int, ...], ...]
    """(height, width): resize. (top, left, height, width): crop."""

    def __call__(self, value: Tensor) -> Tensor:
        """Transforms an image, tv_tensors.BoundingBoxes or tv_tensors.Mask."""
        if self.flip:
            value = F.horizontal_flip(value)
        for step in self.steps:
            if len(step) == 2:
                value = F.resize(value, list(step), InterpolationMode.BILINEAR, antialias=True)
            else:
                value = F.crop(value, *step)
        return value


class DetectionAugmentation(JointTransform):
    """An image and its instances -> uint8 [3, h, w] and the tensors of a `Target`; uses torch's global generator.

    two_policies   with probability 1/2 each: resize the shorter side to 480, 512, ... or 800 px; or resize it to 400,
                   500 or 600 px, crop 384 to 600 px per side, and resize the crop's shorter side to 480, ... 800 px.
                   The longer side is at most 1333 px.
    resize         resize the shorter side to one of `short_sides`.

    `photometric` adds `photometric_distortion`.
    """

    def __init__(
        self,
        policy: Policy = "two_policies",
        *,
        hflip: float = 0.5,
        short_sides: Sequence[int] = (),
        long_side: int = LONG_SIDE,
        photometric: bool = False,
    ) -> None:
        self.policy, self.hflip, self.long_side = policy, hflip, long_side
        self.short_sides = tuple(short_sides) or SHORT_SIDES
        self._colours = photometric_distortion() if photometric else None

    def __call__(self, image: Image.Image, target: Instances) -> tuple[Tensor, dict[str, Tensor]]:
        pixels, transformed = apply(self.random_geometry(image.height, image.width), image, target)
        return pixels if self._colours is None else self._colours(pixels), transformed.tensors()

    def random_geometry(self, height: int, width: int) -> Geometry:
        """A random geometric transform for images of this size."""
        flip = bool(torch.rand(()) < self.hflip)
        steps: list[tuple[int, ...]] = []
        size = (height, width)
        if self.policy == "two_policies" and torch.rand(()) < 0.5:
            steps.append(size := fitted(size, _random_choice(BEFORE_CROP), self.long_side))
            rows, columns = (_random_integer(min(CROP[0], side), min(CROP[1], side)) for side in size)
            steps.append((_random_integer(0, size[0] - rows), _random_integer(0, size[1] - columns), rows, columns))
            size = (rows, columns)
        steps.append(fitted(size, _random_choice(self.short_sides), self.long_side))
        return Geometry(flip, tuple(steps))


def apply(geometry: Geometry, image: Image.Image, instances: Instances) -> tuple[Tensor, Target]:
    """Applies `geometry` to an image and its instances; those cropped to less than 1 px are left out."""
    canvas = (image.height, image.width)
    pixels = geometry(F.pil_to_tensor(image))
    height, width = pixels.shape[-2:]
    original = torch.tensor(instances.boxes, dtype=torch.float32).view(-1, 4)
    moved = geometry(tv_tensors.BoundingBoxes(original, format="XYXY", canvas_size=canvas))
    boxes = F.clamp_bounding_boxes(moved).as_subclass(torch.Tensor)
    kept = ((boxes[:, 2:] - boxes[:, :2]) >= _SMALLEST).all(1).nonzero().flatten().tolist()
    visible: list[int] = []
    masks: list[CroppedMasks] = []
    for start in range(0, len(kept), _MASKS_AT_ONCE):
        group = kept[start : start + _MASKS_AT_ONCE]
        stack = torch.stack([decode(instances.segmentations[index], *canvas) for index in group])
        moved_masks = geometry(tv_tensors.Mask(stack)).as_subclass(torch.Tensor)
        nonempty = (moved_masks != 0).flatten(1).any(1)
        visible += [index for index, shown in zip(group, nonempty.tolist(), strict=True) if shown]
        masks.append(CroppedMasks.of(moved_masks[nonempty]))
    labels = torch.tensor(instances.labels, dtype=torch.int64)
    assert pixels.shape == (3, height, width)
    return pixels.contiguous(), Target(boxes[visible], labels[visible], CroppedMasks.joined(masks))


def fitted(size: tuple[int, int], short: int, long: int) -> tuple[int, int]:
    """(H, W) rescaled to a shorter side of `short` px, or less if the longer side would exceed `long` px."""
    factor = min(short / min(size), long / max(size))
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)


def _random_choice(values: Sequence[int]) -> int:
    return values[_random_integer(0, len(values) - 1)]


def _random_integer(low: int, high: int) -> int:
    """From low to high, both included."""
    return int(torch.randint(low, high + 1, ()))
