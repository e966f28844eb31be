"""Square crops of the photographs as batches, labelled by the photograph they come from."""

import random
from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from parcnet.data.randomness import hashed
from parcnet_lab.paper.claims.photographs import photographs

SMALLEST, LARGEST = 96, 224  # px of the photograph along a crop's side
_TEST_KEY = -1  # not a training seed: all seeds and networks share the test crops


@lru_cache(maxsize=1)
def training_crops(seed: int, steps: int, size: int, count: int) -> tuple[Tensor, Tensor]:
    """Crops [steps, count, size, size] of the training regions, uint8, half of them mirrored, and their photographs.

    They depend on the seed only, so networks of one seed see the same crops in the same order.
    """
    draw = random.Random(hashed(seed)[0])
    every = photographs()
    labels = [draw.randrange(len(every)) for _ in range(steps * count)]
    crops = np.empty((steps * count, size, size), np.uint8)
    for place, label in enumerate(labels):
        crop = _random_crop(every[label].train, draw).resize((size, size), Image.Resampling.BILINEAR)
        pixels = np.asarray(crop)
        crops[place] = pixels[:, ::-1] if draw.random() < 0.5 else pixels
    return torch.from_numpy(crops).view(steps, count, size, size), torch.tensor(labels).view(steps, count)


@cache
def held_out_crops(count: int) -> tuple[tuple[Image.Image, ...], Tensor]:
    """`count` square crops of each test region at their original size, and their photographs [18 count]."""
    crops, labels = [], []
    for label, each in enumerate(photographs()):
        draw = random.Random(hashed(_TEST_KEY, label)[0])
        crops += [_random_crop(each.test, draw) for _ in range(count)]
        labels += [label] * count
    return tuple(crops), torch.tensor(labels)


def resized(crops: Sequence[Image.Image], height: int, width: int) -> Tensor:
    """The crops as a batch [B, 1, height, width]; for other shapes than squares, their middle part."""
    shown = [_middle(each, height, width).resize((width, height), Image.Resampling.BILINEAR) for each in crops]
    return as_batch(torch.from_numpy(np.stack([np.asarray(each) for each in shown])))


def as_batch(crops: Tensor) -> Tensor:
    """Grey levels [B, H, W] -> [B, 1, H, W], standardised, so that brightness and contrast carry no information."""
    pixels = crops.float()[:, None] / 255
    mean, deviation = pixels.mean((2, 3), keepdim=True), pixels.std((2, 3), keepdim=True)
    return (pixels - mean) / deviation.clamp(min=0.02)


def _random_crop(region: Image.Image, draw: random.Random) -> Image.Image:
    side = draw.randint(SMALLEST, min(LARGEST, *region.size))
    left, top = draw.randint(0, region.width - side), draw.randint(0, region.height - side)
    return region.crop((left, top, left + side, top + side))


def _middle(crop: Image.Image, height: int, width: int) -> Image.Image:
    """The largest centred part of that aspect ratio."""
    scale = min(crop.height / height, crop.width / width)
    tall, wide = round(height * scale), round(width * scale)
    left, top = (crop.width - wide) // 2, (crop.height - tall) // 2
    return crop.crop((left, top, left + wide, top + tall))
