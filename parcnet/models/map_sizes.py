"""The size of each stage's map, by the rounding of a network's stem and downsampling layers."""

from __future__ import annotations

from timm.layers import to_2tuple

from parcnet.layers import downsampled, stemmed


def map_sizes(img_size: int | tuple[int, int], stages: int = 4) -> list[tuple[int, int]]:
    """The (H, W) of each stage's map after `Stem` or `PatchStem`: 56, 28, 14, 7 for 224 px; sides of at least 3 px.

    Raises ValueError for anything but such an image size.
    """
    sizes = [stemmed(image_sides(img_size, 3))]
    while len(sizes) < stages:
        sizes.append(downsampled(sizes[-1]))
    return sizes


def map_sizes_rounded_up(img_size: int | tuple[int, int], stages: int = 4) -> list[tuple[int, int]]:
    """The (H, W) of each stage's map where every stride rounds up: 64, 32, 16, 8 for 256 px; sides of at least 1 px.

    Raises ValueError for anything but such an image size.
    """
    height, width = image_sides(img_size, 1)
    return [(-(-height // 2**stride), -(-width // 2**stride)) for stride in range(2, stages + 2)]


def image_sides(img_size: int | tuple[int, int], smallest: int) -> tuple[int, int]:
    """(H, W) of `img_size`. Raises ValueError for anything but whole sides of at least `smallest` px."""
    sides = tuple(to_2tuple(img_size))
    if len(sides) != 2 or not all(isinstance(side, int) and side >= smallest for side in sides):
        raise ValueError(
            f"img_size is {img_size!r}: expected a whole number of px or (height, width), each at least {smallest}, "
            "because the stem divides them"
        )
    return sides
