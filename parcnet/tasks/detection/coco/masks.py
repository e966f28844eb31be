"""Instance masks cropped to their instance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class CroppedMasks:
    """N masks, each cropped to its instance, in one tensor: 5,000 small ones take megabytes, not gigabytes.

    Crops have a margin of one px of zeros, except at the image border, so that bilinear sampling of a crop equals that
    of the full mask.
    """

    pixels: Tensor
    """[sum of all crop areas] uint8 of 0, 1."""
    boxes: Tensor
    """[N, 4] int64: x, y, width, height of each crop in px."""

    @classmethod
    def none(cls) -> "CroppedMasks":
        return cls(torch.zeros(0, dtype=torch.uint8), torch.zeros(0, 4, dtype=torch.int64))

    @classmethod
    def of(cls, masks: Tensor) -> "CroppedMasks":
        """From full masks [N, H, W] uint8, none of them empty."""
        if not len(masks):
            return cls.none()
        height, width = masks.shape[1:]
        top, bottom = _extent(masks.amax(2), height)
        left, right = _extent(masks.amax(1), width)
        boxes = torch.stack([left, top, right - left, bottom - top], 1)
        crops = [
            mask[y : y + h, x : x + w].reshape(-1) for mask, (x, y, w, h) in zip(masks, boxes.tolist(), strict=True)
        ]
        return cls(torch.cat(crops), boxes)

    @classmethod
    def joined(cls, parts: Sequence["CroppedMasks"]) -> "CroppedMasks":
        """The masks of all parts, in order."""
        if not parts:
            return cls.none()
        return cls(torch.cat([part.pixels for part in parts]), torch.cat([part.boxes for part in parts]))

    def __len__(self) -> int:
        return len(self.boxes)

    def at(self, indices: Tensor, like: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """For each index: (crop [h, w], its corner as x, y, x, y), in the dtype and on the device of `like`."""
        ends = (self.boxes[:, 2] * self.boxes[:, 3]).cumsum(0)
        # one transfer from the device
        chosen = torch.cat([self.boxes[indices], ends[indices, None]], 1).tolist()
        for x, y, width, height, end in chosen:
            crop = self.pixels[end - width * height : end].view(height, width)
            yield crop.to(like), like.new_tensor([x, y, x, y])

    def full(self, height: int, width: int) -> Tensor:
        """Full masks for an image of this size: uint8 [N, H, W]."""
        masks = torch.zeros(len(self), height, width, dtype=torch.uint8)
        like = torch.zeros(0, dtype=torch.int64)
        crops = (crop for crop, _ in self.at(torch.arange(len(self)), like))
        for mask, crop, (x, y, columns, rows) in zip(masks, crops, self.boxes.tolist(), strict=True):
            mask[y : y + rows, x : x + columns] = crop
        return masks


def _extent(occupied: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """First and one past the last nonzero index of each row [N, length], with a margin of 1."""
    first = occupied.argmax(1)
    last = length - occupied.flip(1).argmax(1)
    return (first - 1).clamp(min=0), (last + 1).clamp(max=length)
