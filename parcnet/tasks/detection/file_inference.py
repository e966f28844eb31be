"""Detection in images of any size by an exported file of fixed size."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.models.detection.transform import resize_boxes

from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.tasks.exported_file import ExportedFile


def detect_with_file(file: ExportedFile, image: Tensor, metadata: Metadata) -> dict[str, Tensor]:
    """One image [3, H, W], uint8 -> a detection as `Detector` returns it, in px of the image.

    The image is resized, keeping its aspect ratio, to the checkpoint's short and long side but at most to the size of
    the file, and padded with the mean colour at the right and bottom. The detector itself pads to the next multiple of
    32 px; where this is the file's size, both get the same input.
    """
    size = (int(image.shape[-2]), int(image.shape[-1]))
    height, width = file.size
    settings = metadata.task_args
    short, long = sorted(size)
    factor = min(
        settings.get("short_side", 800) / short,
        settings.get("long_side", 1333) / long,
        height / size[0],
        width / size[1],
    )
    resized = (int(size[0] * factor), int(size[1] * factor))
    own = Preprocessing.from_dict(metadata.preprocessing)
    mean, std = (torch.tensor(each)[:, None, None] for each in (own.mean, own.std))
    scaled = F.interpolate(((image / 255 - mean) / std)[None], resized, mode="bilinear", align_corners=False)
    canvas = torch.zeros(1, len(mean), height, width)
    canvas[..., : resized[0], : resized[1]] = scaled
    boxes, scores, labels, masks = (each[0] for each in file.outputs(_file_input(canvas, file, mean, std)))
    detected = scores > 0
    # as in torchvision: boxes are clipped to the resized image, then scaled back
    limits = torch.tensor([resized[1], resized[0], resized[1], resized[0]], dtype=boxes.dtype)
    placed = resize_boxes(boxes[detected].clamp(min=0).minimum(limits), list(resized), list(size))
    return {
        "boxes": placed,
        "scores": scores[detected],
        "labels": labels[detected],
        "masks": paste_masks_in_image(masks[detected][:, None], placed, size),
    }


def _file_input(canvas: Tensor, file: ExportedFile, mean: Tensor, std: Tensor) -> Tensor:
    """A normalised image as `file` expects it: pixels in [0, 1] if the file normalises them itself."""
    return (canvas * std + mean).clamp(0, 1) if file.takes_pixels else canvas
