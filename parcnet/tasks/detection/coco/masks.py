"""Masks of instances without the empty image around them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class BoxedMasks:
    """N masks, each kept where its instance is, all in one tensor: 5,000 small ones take megabytes, not gigabytes.

    A crop has a margin of one px of zeros, except at the image's border, so that sampling it between pixels gives what
    sampling the whole image gives.
    """

    pixels: Tensor
    """[sum of all areas] uint8 of 0, 1."""
    places: Tensor
    """[N, 4] int64: x, y, width, height of each crop in px."""

    @classmethod
    def none(cls) -> "BoxedMasks":
        return cls(torch.zeros(0, dtype=torch.uint8), torch.zeros(0, 4, dtype=torch.int64))

    @classmethod
    def of(cls, masks: Tensor) -> "BoxedMasks":
        """From whole masks [N, H, W] uint8, none of them empty."""
        if not len(masks):
            return cls.none()
        height, width = masks.shape[1:]
        top, bottom = _extent(masks.amax(2), height)
        left, right = _extent(masks.amax(1), width)
        places = torch.stack([left, top, right - left, bottom - top], 1)
        crops = [
            mask[y : y + h, x : x + w].reshape(-1) for mask, (x, y, w, h) in zip(masks, places.tolist(), strict=True)
        ]
        return cls(torch.cat(crops), places)

    @classmethod
    def joined(cls, parts: Sequence["BoxedMasks"]) -> "BoxedMasks":
        """Those of all parts, in order."""
        if not parts:
            return cls.none()
        return cls(torch.cat([part.pixels for part in parts]), torch.cat([part.places for part in parts]))

    def __len__(self) -> int:
        return len(self.places)

    def at(self, indices: Tensor, like: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """(mask [h, w], (x, y, x, y) of its corner) for each index, in the dtype and on the device of `like`."""
        ends = (self.places[:, 2] * self.places[:, 3]).cumsum(0)
        # one transfer from the device for all of them
        chosen = torch.cat([self.places[indices], ends[indices, None]], 1).tolist()
        for x, y, width, height, end in chosen:
            crop = self.pixels[end - width * height : end].view(height, width)
            yield crop.to(like), like.new_tensor([x, y, x, y])

    def whole(self, height: int, width: int) -> Tensor:
        """The masks in images of this size: uint8 [N, H, W]."""
        masks = torch.zeros(len(self), height, width, dtype=torch.uint8)
        like = torch.zeros(0, dtype=torch.int64)
        crops = (crop for crop, _ in self.at(torch.arange(len(self)), like))
        for mask, crop, (x, y, wide, high) in zip(masks, crops, self.places.tolist(), strict=True):
            mask[y : y + high, x : x + wide] = crop
        return masks


def _extent(occupied: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """First and one past the last place of each row [N, length] that is not 0, with a margin of 1."""
    first = occupied.argmax(1)
    last = length - occupied.flip(1).argmax(1)
    return (first - 1).clamp(min=0), (last + 1).clamp(max=length)
