"""Folders of images and label maps in ADE20K's layout: images/SPLIT/*.jpg, annotations/SPLIT/*.png."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from parcnet.base import UserError, printable, read_regular_text
from parcnet.data.class_names import normalised, some
from parcnet.data.image_walk import Skipped, walk_images
from parcnet.data.images import BadImage, image_size, open_image, opened, read_image, upright
from parcnet.tasks.segmentation.data.ade20k import ADE20K_CLASSES

IGNORED = 255
"""Label of pixels to ignore."""
LAYOUT = (
    "Expected DIR/images/SPLIT/NAME.jpg with DIR/annotations/SPLIT/NAME.png for train and val (or ADE20K's names "
    "training and validation), and DIR/classes.txt with one name per line."
)
_FOLDERS = {"train": ("train", "training"), "val": ("val", "validation"), "test": ("test", "testing")}
_MODES = ("L", "P", "I;16", "I", "1")  # one value per pixel; palette indices are labels, whatever their colours


class LabelMaps:
    """Image files with label maps: `label` is uint8 [H, W] of indices into `classes`, or `IGNORED`."""

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        files: Sequence[tuple[Path, Path]],
        reduce_zero_label: bool,
        skipped: Mapping[str, Skipped] | None = None,
    ) -> None:
        self.name = name
        self.classes = tuple(classes)
        self.skipped = dict(skipped or {})
        """Reason -> files and folders that are no images of the split; see `image_walk`."""
        self._files = list(files)
        self._reduce = reduce_zero_label

    def __len__(self) -> int:
        return len(self._files)

    def image(self, index: int) -> Image.Image:
        """RGB, any size. Raises `BadImage` for a file that cannot be read."""
        return open_image(self._files[index][0])

    def label(self, index: int) -> NDArray[np.uint8]:
        """The label map. Raises `BadImage` for unreadable files, sizes other than the image's and unknown labels.

        With `reduce_zero_label`, label 0 is ignored and every other label is reduced by one; 255 stays ignored.
        """
        image, path = self._files[index]
        labels = _read_labels(path)
        if self._reduce:
            labels = np.where((labels == 0) | (labels == IGNORED), IGNORED, labels - 1)
        known = labels[labels != IGNORED]
        if known.size and known.min() < 0:
            raise BadImage(str(path), f"it holds the label {known.min()}; expected 0 or more")
        if known.size and (wrong := int(known.max())) >= len(self.classes):
            stored = wrong + 1 if self._reduce else wrong
            hint = "" if self._reduce or wrong != len(self.classes) else " If 0 is not a class: --reduce-zero-label."
            raise BadImage(
                str(path),
                f"it holds the label {stored}; there are {len(self.classes)} classes, so at most "
                f"{len(self.classes) - (not self._reduce)}, and {IGNORED} for pixels to ignore.{hint}",
            )
        size = image_size(image)
        if labels.shape != size[::-1]:
            raise BadImage(
                str(path),
                f"it has {labels.shape[1]} x {labels.shape[0]} pixels, its image {size[0]} x {size[1]}; expected equal "
                "sizes",
            )
        return labels.astype(np.uint8)

    def where(self, index: int) -> str:
        """The image file."""
        return str(self._files[index][0])


def open_label_maps(
    data_dir: str | Path | None, split: str, reduce_zero_label: bool, classes: Sequence[str] | None = None
) -> LabelMaps:
    """The images of `split` with their label maps.

    Class names are read from classes.txt, one per line in the order of the labels; without this file, and with
    `reduce_zero_label`, they are the 150 of ADE20K. They must equal `classes` if given, since labels are indices.

    Raises `UserError` for missing or empty folders, an image without a label map, and fewer than two classes.
    """
    if data_dir is None:
        raise UserError(f"segmentation needs images: --data-dir DIR. {LAYOUT}")
    root = Path(data_dir)
    if not root.is_dir():
        raise UserError(f"there is no folder {root}. {LAYOUT}")
    images, maps = _split(root / "images", split), _split(root / "annotations", split)
    own = _class_names(root, reduce_zero_label)
    if classes is not None and [*map(normalised, own)] != [*map(normalised, classes)]:
        raise UserError(
            f"{root} has the classes {some(own)}, the network was trained on {some(classes)}: labels are indices "
            "into this list, so the two must be equal."
        )
    files = []
    walk = walk_images(images)
    walk.warn()
    for image in sorted(map(Path, walk.images)):
        path = (maps / image.relative_to(images)).with_suffix(".png")
        if not path.is_file():
            raise UserError(f"{image} has no label map: expected {path}.")
        files.append((image, path))
    if not files:
        raise UserError(f"{images} has no images. {LAYOUT}")
    return LabelMaps(printable(root.resolve().name), own, files, reduce_zero_label, walk.skipped)


def has_label_maps(data_dir: str | Path | None, split: str) -> bool:
    """Whether the split has label maps; a test split without them cannot be evaluated."""
    return data_dir is not None and any((Path(data_dir) / "annotations" / name).is_dir() for name in _FOLDERS[split])


def _split(folder: Path, split: str) -> Path:
    for name in _FOLDERS[split]:
        if (folder / name).is_dir():
            return folder / name
    raise UserError(f"there is no folder {folder / split}. {LAYOUT}")


def _class_names(root: Path, reduce_zero_label: bool) -> tuple[str, ...]:
    path = root / "classes.txt"
    try:
        lines = [line.strip() for line in read_regular_text(path).splitlines()]
    except FileNotFoundError:
        if reduce_zero_label:
            return ADE20K_CLASSES
        raise UserError(f"there is no {path}, which names the classes in the order of the labels. {LAYOUT}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}.") from None
    names = tuple(line for line in lines if line)
    if len(names) < 2 or len(names) > IGNORED:
        raise UserError(f"{path} names {len(names)} classes; expected 2 to {IGNORED}, one per line.")
    spellings = [normalised(name) for name in names]
    if duplicate := next((name for name in spellings if spellings.count(name) > 1), None):
        raise UserError(f"{path} names the class {duplicate!r} twice.")
    return names


def _read_labels(path: Path) -> NDArray[np.int64]:
    """The values in a label file."""
    with opened(read_image(path), str(path)) as image:
        mode, values = image.mode, np.asarray(upright(image))
    if mode not in _MODES:
        raise BadImage(str(path), f"it has colours ({mode}); expected one value per pixel, e.g. an 8-bit grey PNG")
    return values.astype(np.int64)
