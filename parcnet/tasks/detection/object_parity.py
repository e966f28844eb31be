"""Whether an exported detector finds what its network finds: objects are matched before they are compared.

Two objects with nearly the same score may change places by rounding, so rows are not compared as they stand.
"""

import torch
from torch import Tensor
from torchvision.ops import box_iou

from parcnet.tasks.parity import Outputs, Parity

SAME = 0.9
"""Overlap (IoU) from which on two boxes of one class are the same object."""


def compare_objects(wanted: Outputs, got: Outputs, images: Tensor) -> Parity:
    """Both, which answer `fixed_detector.OUTPUTS`, on `images` [N, 3, H, W], one at a time.

    `agreement` is the share of objects, of either, that the other has too. The errors are those of matched ones: of
    boxes over the longer side of the image, of scores and mask probabilities over 1.
    """
    side = max(images.shape[-2:])
    largest = total = 0.0
    numbers = matched = objects = 0
    for image in images.split(1):
        expected, found = ([each[0].double() for each in answer(image)] for answer in (wanted, got))
        pairs = _matched(expected, found)
        objects += int((expected[1] > 0).sum()) + int((found[1] > 0).sum())
        matched += 2 * len(pairs)
        if not pairs:
            continue
        rows, others = (torch.tensor(each) for each in zip(*pairs, strict=True))
        for place, scale in ((0, side), (1, 1), (3, 1)):  # boxes, scores, masks
            error = (expected[place][rows] - found[place][others]).abs() / scale
            largest = max(largest, float(error.max()))
            total += float(error.sum())
            numbers += error.numel()
    return Parity(len(images), largest, total / max(numbers, 1), matched / objects if objects else None, "objects")


def _matched(wanted: list[Tensor], got: list[Tensor]) -> list[tuple[int, int]]:
    """Rows of the same objects: of one class, overlapping by `SAME`, each taken once, the likeliest first."""
    overlap = box_iou(wanted[0], got[0])
    same = (wanted[2][:, None] == got[2][None]) & (wanted[1] > 0)[:, None] & (got[1] > 0)[None]
    overlap = torch.where(same, overlap, 0.0)
    pairs = []
    for row in range(len(overlap)):
        other = int(overlap[row].argmax())
        if float(overlap[row, other]) >= SAME:
            pairs.append((row, other))
            overlap[:, other] = 0
    return pairs
