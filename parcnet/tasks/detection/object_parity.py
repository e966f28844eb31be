"""Comparison of an exported detector with its network.

Objects are matched before they are compared, because rounding may swap objects of nearly equal score.
"""

import torch
from torch import Tensor
from torchvision.ops import box_iou

from parcnet.tasks.parity import Outputs, Parity

MATCH_IOU = 0.9
"""IoU from which two boxes of one class are the same object."""


def compare_objects(expected: Outputs, exported: Outputs, images: Tensor) -> Parity:
    """Compares both, which return `fixed_shapes.OUTPUTS`, on `images` [N, 3, H, W], one at a time.

    `agreement` is the fraction of the objects of both that are matched. Errors are those of matched objects: of boxes
    relative to the longer side of the image, of scores and mask probabilities absolute.
    """
    side = max(images.shape[-2:])
    largest = total = 0.0
    numbers = matched = objects = 0
    for image in images.split(1):
        reference, returned = ([each[0].double() for each in run(image)] for run in (expected, exported))
        pairs = _matched(reference, returned)
        objects += int((reference[1] > 0).sum()) + int((returned[1] > 0).sum())
        matched += 2 * len(pairs)
        if not pairs:
            continue
        rows, others = (torch.tensor(each) for each in zip(*pairs, strict=True))
        for output, scale in ((0, side), (1, 1), (3, 1)):  # boxes, scores, masks
            error = (reference[output][rows] - returned[output][others]).abs() / scale
            largest = max(largest, float(error.max()))
            total += float(error.sum())
            numbers += error.numel()
    return Parity(len(images), largest, total / max(numbers, 1), matched / objects if objects else None, "objects")


def _matched(expected: list[Tensor], exported: list[Tensor]) -> list[tuple[int, int]]:
    """Pairs of rows with equal class and an IoU of at least `MATCH_IOU`, matched greedily by descending score."""
    overlap = box_iou(expected[0], exported[0])
    comparable = (expected[2][:, None] == exported[2][None]) & (expected[1] > 0)[:, None] & (exported[1] > 0)[None]
    overlap = torch.where(comparable, overlap, 0.0)
    pairs = []
    for row in range(len(overlap)):
        other = int(overlap[row].argmax())
        if float(overlap[row, other]) >= MATCH_IOU:
            pairs.append((row, other))
            overlap[:, other] = 0
    return pairs
