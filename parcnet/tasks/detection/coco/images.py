"""Images and their instances, from a COCO JSON file and a folder."""

import os
import pickle
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from parcnet.base import UserError, counted
from parcnet.data.images import BadImage, open_image
from parcnet.tasks.detection.coco.annotations import ImageEntry, read_annotations
from parcnet.tasks.detection.coco.instances import Instances
from parcnet.tasks.detection.coco.order import grouped_order

_LAYOUTS = (
    ("annotations/instances_{split}2017.json", ("{split}2017", "images/{split}2017")),
    ("annotations/instances_{split}.json", ("{split}", "images/{split}", "images")),
    ("annotations/{split}.json", ("{split}", "images/{split}", "images")),
    ("{split}/_annotations.coco.json", ("{split}",)),
    ("{split}.json", ("{split}", "images/{split}", "images")),
)
"""(annotations, folders of their images), the first that is there."""

EXPECTED = (
    "Expected DIR/annotations/instances_train2017.json with DIR/train2017/ (COCO itself), "
    "DIR/annotations/instances_train.json with DIR/train/, or DIR/train.json with DIR/train/; the same for val."
)


class CocoImages:
    """Images with instances, numbered from 0; sent to worker processes by pickle, the annotations as shared memory."""

    def __init__(
        self,
        annotations: Path,
        folder: Path,
        name: str,
        classes: Sequence[str] | None = None,
        *,
        only_filled: bool = False,
        group: int = 1,
    ) -> None:
        """`only_filled` leaves images without an instance out; `group` is for `grouped_order`. Raises `UserError`."""
        read = read_annotations(annotations, classes)
        pairs = [pair for pair in zip(read.images, read.instances, strict=True) if len(pair[1]) or not only_filled]
        if not pairs:
            raise UserError(f"{annotations} has no image with an instance to learn from.")
        self.name = name
        self.classes = read.classes
        self._folder = folder
        self._group = group
        self._entries = [entry for entry, _ in pairs]
        _check_files(folder, read.images, annotations)
        packed = [pickle.dumps(each) for _, each in pairs]
        # one tensor: a million annotations as Python objects would be copied into every worker
        self._content = torch.frombuffer(bytearray(b"".join(packed)), dtype=torch.uint8)
        self._ends = torch.tensor([len(each) for each in packed]).cumsum(0)

    def __len__(self) -> int:
        return len(self._entries)

    def image(self, index: int) -> Image.Image:
        """RGB, of the size that the annotations say. Raises `BadImage`."""
        entry, where = self._entries[index], self.where(index)
        image = open_image(where)
        if image.size != (entry.width, entry.height):
            raise BadImage(
                where, f"{image.width} x {image.height} px, but its annotations are for {entry.width} x {entry.height}"
            )
        return image

    def label(self, index: int) -> Instances:
        start = int(self._ends[index - 1]) if index else 0
        return pickle.loads(self._content[start : int(self._ends[index])].numpy().tobytes())

    def where(self, index: int) -> str:
        return str(self._folder / self._entries[index].file_name)

    def order(self, generator: torch.Generator) -> Tensor | None:
        """Upright images together, if images are grouped; see `grouped_order`."""
        if self._group == 1:
            return None
        ratios = torch.tensor([entry.height / entry.width for entry in self._entries])
        return grouped_order(ratios, self._group, generator)


def open_coco(
    root: str | Path, split: str, classes: Sequence[str] | None = None, *, only_filled: bool = False, group: int = 1
) -> CocoImages:
    """The images of a split below `root`, in any of COCO's layouts; see `EXPECTED`. Raises `UserError`.

    `classes`, `only_filled` and `group` as `CocoImages` and `read_annotations` take them.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"there is no folder {root}. {EXPECTED}")
    annotations = _annotations_of(root, split)
    if annotations is None:
        raise UserError(f"{root} has no annotations of {split}. {EXPECTED}")
    folders = next(folders for pattern, folders in _LAYOUTS if root / pattern.format(split=split) == annotations)
    candidates = [root / folder.format(split=split) for folder in folders]
    folder = next((each for each in candidates if each.is_dir()), None)
    if folder is None:
        raise UserError(f"the images of {annotations} are missing: there is no folder {candidates[0]}.")
    return CocoImages(annotations, folder, root.resolve().name, classes, only_filled=only_filled, group=group)


def has_coco_split(root: str | Path, split: str) -> bool:
    """Whether `open_coco` would find annotations."""
    return _annotations_of(Path(root), split) is not None


def _annotations_of(root: Path, split: str) -> Path | None:
    paths = (root / pattern.format(split=split) for pattern, _ in _LAYOUTS)
    return next((path for path in paths if path.is_file()), None)


def _check_files(folder: Path, images: Sequence[ImageEntry], annotations: Path) -> None:
    """One listing a folder: asking for each of 118,000 files takes minutes on some file systems."""
    present: dict[Path, set[str]] = {}

    def there(name: str) -> bool:
        path = folder / name
        if path.parent not in present:
            present[path.parent] = set(os.listdir(path.parent)) if path.parent.is_dir() else set()
        return path.name in present[path.parent]

    missing = [image.file_name for image in images if not there(image.file_name)]
    if missing:
        raise UserError(
            f"{counted(len(missing), 'image')} of {len(images)} in {annotations} are not in {folder}, "
            f"{missing[0]} first. Add them, or remove their entries."
        )
