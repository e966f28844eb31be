"""Images of any size through a detector's file, which takes one size."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.models.detection.transform import resize_boxes

from parcnet.data import Preprocessing
from parcnet.deploy.exported import Exported


def detect_through(file: Exported, image: Tensor) -> dict[str, Tensor]:
    """One image [3, H, W], uint8 -> what `parcnet.tasks.detection.Detector` says of it, in the image's own px.

    The image is resized, its shape kept, to the checkpoint's short and long side but no larger than the file, and
    stands in the file's upper left corner, the rest padded with the mean colour. The checkpoint pads to the next
    multiple of 32 px: where that is the file's size, both see the same.
    """
    size = (int(image.shape[-2]), int(image.shape[-1]))
    height, width = file.info.request.size
    limits = file.info.metadata.task_args
    short, long = sorted(size)
    factor = min(
        limits.get("short_side", 800) / short, limits.get("long_side", 1333) / long, height / size[0], width / size[1]
    )
    fitted = (int(size[0] * factor), int(size[1] * factor))
    own = Preprocessing.from_dict(file.info.metadata.preprocessing)
    mean, std = (torch.tensor(each)[:, None, None] for each in (own.mean, own.std))
    scaled = F.interpolate(((image / 255 - mean) / std)[None], fitted, mode="bilinear", align_corners=False)
    canvas = torch.zeros(1, len(mean), height, width)
    canvas[..., : fitted[0], : fitted[1]] = scaled
    boxes, scores, labels, masks = (each[0] for each in file.outputs(_as_taken(canvas, file, mean, std)))
    found = scores > 0
    # as torchvision: boxes end where the image does, then grow with it
    inside = torch.tensor([fitted[1], fitted[0], fitted[1], fitted[0]], dtype=boxes.dtype)
    placed = resize_boxes(boxes[found].clamp(min=0).minimum(inside), list(fitted), list(size))
    return {
        "boxes": placed,
        "scores": scores[found],
        "labels": labels[found],
        "masks": paste_masks_in_image(masks[found][:, None], placed, size),
    }


def _as_taken(canvas: Tensor, file: Exported, mean: Tensor, std: Tensor) -> Tensor:
    """A normalised image as the call of `file` takes it: for one that normalises by itself, pixels over 255."""
    return (canvas * std + mean).clamp(0, 1) if file.info.request.pixels else canvas
