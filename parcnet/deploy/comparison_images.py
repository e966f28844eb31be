"""Real images for comparing an exported file with its network."""

import math
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from torch import Tensor, stack

from parcnet.base import UserError
from parcnet.data import BadImage, Preprocessing, open_dataset, open_image
from parcnet.data.folders import image_files
from parcnet.data.packaged_images import PHOTOGRAPHS, photograph_path


def real_images(preprocessing: Preprocessing, count: int, data: str, folder: Path | None = None) -> Tensor:
    """`count` preprocessed images [count, C, H, W].

    From `folder` and its subfolders; without it the embedded digits for a network that is trained on them (`data`),
    otherwise square crops of two photographs. Raises `UserError` for a folder without images.
    """
    transform = preprocessing.transform()
    images: list[Tensor] = []
    for image in _from_folder(folder, preprocessing.channels) if folder is not None else _embedded(data):
        images.append(transform(image))
        if len(images) == count:
            break
    if not images:
        raise UserError(f"{folder} has no readable image: expected image files in it or its subfolders.")
    return stack(images)


def _from_folder(folder: Path, channels: int) -> Iterator[Image.Image]:
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: name a folder of images.")
    for path in _spread(image_files(folder)):
        try:
            yield open_image(path, channels)
        except BadImage:
            continue


def _spread(paths: list[Path]) -> list[Path]:
    """All paths in an order whose first elements are spread over the list, and so over the classes of a sorted one."""
    step = max(1, round(len(paths) * 0.618))
    while paths and math.gcd(step, len(paths)) > 1:
        step += 1
    return [paths[i * step % len(paths)] for i in range(len(paths))]


def _embedded(data: str) -> Iterator[Image.Image]:
    if data == "digits":
        digits = open_dataset(None, "test")
        yield from (digits.image(index) for index in range(len(digits)))
        return
    photographs = [open_image(photograph_path(name)) for name in PHOTOGRAPHS]
    for side in (400, 320, 256, 200, 150):
        for left in range(0, 640 - side + 1, 60):
            for photograph in photographs:
                top = (427 - side) * (left % 7) // 7
                yield photograph.crop((left, top, left + side, top + side))
