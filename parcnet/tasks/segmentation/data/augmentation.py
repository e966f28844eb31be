"""Training and evaluation transforms of images with label maps, through torchvision's transforms v2."""

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from parcnet.data.photometric import photometric_distortion
from parcnet.data.preprocessing import JointTransform, Preprocessing, ToChannels
from parcnet.tasks.segmentation.data.folders import IGNORED
from parcnet.tasks.segmentation.data.sizes import fitted_size
from parcnet.tasks.segmentation.recipe import SegmentationSettings

_MAX_CROPS = 10
"""Crops drawn before one dominated by a single class is accepted."""


class SegmentationTraining(JointTransform):
    """Random resize, crop, flip and colours, as in the published recipes -> image [C, h, w], labels [h, w] int64.

    resize   to the largest size of equal aspect ratio within the short and long side of `resize_to`, times a factor
             drawn from `resize_range`; bilinear, labels nearest
    crop     `crop_size`, drawn again (up to ten times) while one class covers more than `category_limit` of the
             labelled pixels
    flip     horizontally, with probability `hflip`
    colours  `photometric_distortion`
    pad      at the right and bottom, where the image is smaller than the crop: mean colour, ignored labels

    Uses torch's global random generator.
    """

    def __init__(self, preprocessing: Preprocessing, settings: SegmentationSettings, hflip: float) -> None:
        self.settings = settings
        self.preprocessing = preprocessing
        self._to_channels = ToChannels(preprocessing.channels)
        self._flip = v2.RandomHorizontalFlip(hflip)
        self._colours = photometric_distortion() if settings.photometric else v2.Identity()

    def __call__(self, image: Image.Image, target: Any) -> tuple[Tensor, Tensor]:
        pixels = v2.functional.pil_to_tensor(self._to_channels(image))
        labels = tv_tensors.Mask(torch.from_numpy(np.asarray(target, np.uint8).copy())[None])
        size = self._random_size(pixels)
        pixels = tv_tensors.Image(F.resize(pixels, size, antialias=True))
        labels = F.resize(labels, size, interpolation=v2.InterpolationMode.NEAREST)
        pixels, labels = self._cropped(pixels, labels)
        pixels, labels = self._colours(*self._flip(pixels, labels))
        padded, labels = self._padded(normalised(pixels, self.preprocessing), labels)
        return padded, labels[0].long()

    def _random_size(self, pixels: Tensor) -> list[int]:
        low, high = self.settings.resize_range
        factor = low + (high - low) * float(torch.rand(()))
        return list(fitted_size((pixels.shape[-2], pixels.shape[-1]), self.settings.resize_to, factor))

    def _cropped(self, pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        height, width = (min(side, own) for side, own in zip(self.settings.crop_size, pixels.shape[-2:], strict=True))
        for _ in range(_MAX_CROPS):
            top = int(torch.randint(pixels.shape[-2] - height + 1, ()))
            left = int(torch.randint(pixels.shape[-1] - width + 1, ()))
            crop = F.crop(labels, top, left, height, width)
            counts = torch.bincount(crop.flatten().long(), minlength=IGNORED + 1)[:IGNORED]
            mixed = int((counts > 0).sum()) > 1 and int(counts.max()) < self.settings.category_limit * int(counts.sum())
            if mixed or self.settings.category_limit == 1:
                break
        return F.crop(pixels, top, left, height, width), crop

    def _padded(self, image: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        below, right = (side - own for side, own in zip(self.settings.crop_size, labels.shape[-2:], strict=True))
        if not (below or right):
            return image, labels
        padding = [0, 0, right, below]
        return F.pad(image, padding, fill=0.0), F.pad(labels, padding, fill=IGNORED)


class SegmentationEvaluation(JointTransform):
    """-> the normalised image [C, H, W] at its original size, labels [H, W] int64. Inference does the resizing."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing
        self._to_channels = ToChannels(preprocessing.channels)

    def __call__(self, image: Image.Image, target: Any) -> tuple[Tensor, Tensor]:
        return self.image(image), torch.from_numpy(np.asarray(target, np.int64))

    def image(self, image: Image.Image) -> Tensor:
        """Transforms an image without labels."""
        return normalised(v2.functional.pil_to_tensor(self._to_channels(image)), self.preprocessing)


def normalised(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """uint8 [C, H, W] -> (pixels / 255 - mean) / std, float32."""
    scaled = pixels.as_subclass(Tensor).float() / 255
    return F.normalize(scaled, list(preprocessing.mean), list(preprocessing.std))
