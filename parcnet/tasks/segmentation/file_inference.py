"""Images of any size through a segmenter's file, which takes one size."""

from dataclasses import replace

import torch
from torch import Tensor

from parcnet.data import Preprocessing
from parcnet.deploy.exported import Exported
from parcnet.tasks.segmentation import Looks, look


def look_through(file: Exported, image: Tensor, looks: Looks, size: tuple[int, int]) -> Tensor:
    """One image [C, H, W], as `file.preprocessing` scales it -> log probabilities [K, *size].

    As `parcnet.tasks.segmentation.look` with `looks`, in what the file can see: where those slide, windows of the
    file's size at strides in proportion; where they see the whole image, the image is resized, its shape kept, to the
    largest that fits in the file. What is smaller than the file is padded with the mean colour at the right and below,
    as crops are in training.
    """
    height, width = file.info.request.size
    if looks.inference == "slide":
        strides = [
            max(1, round(step * side / own))
            for step, side, own in zip(looks.stride, (height, width), looks.window, strict=True)
        ]
        seen = replace(looks, window=(height, width), stride=(strides[0], strides[1]))
    else:
        factor = min(height / image.shape[-2], width / image.shape[-1])
        short, long = sorted(round(side * factor) for side in image.shape[-2:])
        seen = replace(looks, resize_to=(short, long))

    own = Preprocessing.from_dict(file.info.metadata.preprocessing)
    colour = own.mean if file.info.request.pixels else (0.0,) * own.channels

    def predictor(images: Tensor) -> Tensor:
        canvas = torch.tensor(colour).view(1, -1, 1, 1).repeat(len(images), 1, height, width)
        canvas[..., : images.shape[-2], : images.shape[-1]] = images
        return file(canvas)[..., : images.shape[-2], : images.shape[-1]]

    return look(predictor, image, seen, size)
