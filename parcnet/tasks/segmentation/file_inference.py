"""Segmentation of images of any size by an exported file of fixed size."""

from dataclasses import replace

import torch
from torch import Tensor

from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.tasks.exported_file import ExportedFile
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.segmentation.sliding_inference import InferenceSettings


def settings_for_file(settings: InferenceSettings, size: tuple[int, int]) -> InferenceSettings:
    """`settings` for a file of `size` (H, W) px.

    Sliding windows take the file's size, with proportional strides; whole images are resized, keeping the aspect
    ratio, to the largest size that fits into the file.
    """
    if settings.inference == "whole":
        return replace(settings, box=size)
    strides = [
        max(1, round(step * side / own)) for step, side, own in zip(settings.stride, size, settings.window, strict=True)
    ]
    return replace(settings, window=size, stride=(strides[0], strides[1]))


def padded_predictor(file: ExportedFile, metadata: Metadata) -> Predictor:
    """`file` for images no larger than its size, which are padded with the mean colour at the right and bottom.

    Crops are padded in the same way in training. Images are normalised or not, as the file expects.
    """
    height, width = file.size
    own = Preprocessing.from_dict(metadata.preprocessing)
    colour = own.mean if file.takes_pixels else (0.0,) * own.channels

    def predictor(images: Tensor) -> Tensor:
        canvas = torch.tensor(colour).view(1, -1, 1, 1).repeat(len(images), 1, height, width)
        canvas[..., : images.shape[-2], : images.shape[-1]] = images
        return file(canvas)[..., : images.shape[-2], : images.shape[-1]]

    return predictor
