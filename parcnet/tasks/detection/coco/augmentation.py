"""Flips, sizes, crops and colours of training images, their boxes and masks, through torchvision's transforms v2."""

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
from parcnet.tasks.detection.coco.masks import BoxedMasks
from parcnet.tasks.detection.coco.targets import Target

Policy = Literal["two_policies", "resize"]

SHORT_SIDES = tuple(range(480, 801, 32))
BEFORE_CROP = (400, 500, 600)
CROP = (384, 600)
LONG_SIDE = 1333
"""px, as published: resize, or resize, crop and resize again (ICCV 2023, Sec. 4.3, follows ConvNeXt's settings)."""

_AT_ONCE = 32
"""Whole masks in memory at a time."""
_SMALLEST = 1.0
"""Width and height in px of a box that is still an instance after cropping."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """What happens to an image of one size: a flip, then resizes and crops in order."""

    flip: bool
    steps: tuple[tuple[int, ...], ...]
    """(height, width): resize. (top, left, height, width): crop."""

    def __call__(self, thing: Tensor) -> Tensor:
        """An image, tv_tensors.BoundingBoxes or tv_tensors.Mask -> the same after it."""
        if self.flip:
            thing = F.horizontal_flip(thing)
        for step in self.steps:
            if len(step) == 2:
                thing = F.resize(thing, list(step), InterpolationMode.BILINEAR, antialias=True)
            else:
                thing = F.crop(thing, *step)
        return thing


class DetectionAugmentation(JointTransform):
    """An image and its instances -> uint8 [3, h, w] and a `Target`'s tensors; torch's generator draws.

    two_policies   one of two, each half of the time: the shorter side becomes 480, 512, ... or 800 px; or 400, 500 or
                   600, then a part of 384 to 600 px a side is cut out and its shorter side becomes 480 ... 800. The
                   longer side stays below 1333 px.
    resize         the shorter side becomes one of `short_sides`.

    `photometric`: colours change too, by `photometric_distortion`.
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
        pixels, kept = apply(self.drawn(image.height, image.width), image, target)
        return pixels if self._colours is None else self._colours(pixels), kept.tensors()

    def drawn(self, height: int, width: int) -> Geometry:
        """A geometry for an image of this size."""
        flip = bool(torch.rand(()) < self.hflip)
        steps: list[tuple[int, ...]] = []
        size = (height, width)
        if self.policy == "two_policies" and torch.rand(()) < 0.5:
            steps.append(size := fitted(size, _one_of(BEFORE_CROP), self.long_side))
            high, wide = (_between(min(CROP[0], side), min(CROP[1], side)) for side in size)
            steps.append((_between(0, size[0] - high), _between(0, size[1] - wide), high, wide))
            size = (high, wide)
        steps.append(fitted(size, _one_of(self.short_sides), self.long_side))
        return Geometry(flip, tuple(steps))


def apply(geometry: Geometry, image: Image.Image, instances: Instances) -> tuple[Tensor, Target]:
    """The image and its instances after `geometry`; those cut away, or to less than a px, are left out."""
    canvas = (image.height, image.width)
    pixels = geometry(F.pil_to_tensor(image))
    height, width = pixels.shape[-2:]
    given = torch.tensor(instances.boxes, dtype=torch.float32).view(-1, 4)
    moved = geometry(tv_tensors.BoundingBoxes(given, format="XYXY", canvas_size=canvas))
    boxes = F.clamp_bounding_boxes(moved).as_subclass(torch.Tensor)
    kept = ((boxes[:, 2:] - boxes[:, :2]) >= _SMALLEST).all(1).nonzero().flatten().tolist()
    visible: list[int] = []
    masks: list[BoxedMasks] = []
    for start in range(0, len(kept), _AT_ONCE):
        group = kept[start : start + _AT_ONCE]
        stack = torch.stack([decode(instances.segmentations[index], *canvas) for index in group])
        shown = geometry(tv_tensors.Mask(stack)).as_subclass(torch.Tensor)
        there = (shown != 0).flatten(1).any(1)
        visible += [index for index, any_ in zip(group, there.tolist(), strict=True) if any_]
        masks.append(BoxedMasks.of(shown[there]))
    labels = torch.tensor(instances.labels, dtype=torch.int64)
    assert pixels.shape == (3, height, width)
    return pixels.contiguous(), Target(boxes[visible], labels[visible], BoxedMasks.joined(masks))


def fitted(size: tuple[int, int], short: int, long: int) -> tuple[int, int]:
    """(H, W) scaled so that the shorter side is `short` px, unless the longer one would exceed `long`."""
    factor = min(short / min(size), long / max(size))
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)


def _one_of(values: Sequence[int]) -> int:
    return values[_between(0, len(values) - 1)]


def _between(low: int, high: int) -> int:
    """A whole number, both ends included."""
    return int(torch.randint(low, high + 1, ()))
