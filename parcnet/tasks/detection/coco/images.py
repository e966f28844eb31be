"""Images and their instances, from a COCO JSON file and a folder."""

import os
import pickle
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from parcnet.base import UserError, counted, printable
from parcnet.data.images import BadImage, open_image
from parcnet.tasks.detection.coco.annotation_check import ImageEntry
from parcnet.tasks.detection.coco.annotations import read_annotations
from parcnet.tasks.detection.coco.aspect_grouping import aspect_grouped_order
from parcnet.tasks.detection.coco.instances import Instances

_LAYOUTS = (
    ("annotations/instances_{split}2017.json", ("{split}2017", "images/{split}2017")),
    ("annotations/instances_{split}.json", ("{split}", "images/{split}", "images")),
    ("annotations/{split}.json", ("{split}", "images/{split}", "images")),
    ("{split}/_annotations.coco.json", ("{split}",)),
    ("{split}.json", ("{split}", "images/{split}", "images")),
)
"""(annotations, candidate folders of their images), in order of preference."""
_NAMES = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
"""Split -> its names in files and folders, in order of preference."""

EXPECTED = (
    "Expected DIR/annotations/instances_train2017.json with DIR/train2017/ (COCO itself), "
    "DIR/annotations/instances_train.json with DIR/train/, or DIR/train.json with DIR/train/; the same for val."
)


class CocoImages:
    """Images with instances, indexed from 0. Pickled for worker processes, with the annotations in shared memory."""

    def __init__(
        self,
        annotations: Path,
        folder: Path,
        name: str,
        classes: Sequence[str] | None = None,
        *,
        skip_empty: bool = False,
        group: int = 1,
        max_bad: int = 0,
    ) -> None:
        """`skip_empty` leaves out images without instances; `group` is the group size of `aspect_grouped_order`, 1 for
        no grouping; `max_bad` is for `read_annotations`. Raises `UserError`."""
        parsed = read_annotations(annotations, classes, max_bad)
        pairs = [pair for pair in zip(parsed.images, parsed.instances, strict=True) if len(pair[1]) or not skip_empty]
        if not pairs:
            raise UserError(f"{annotations} has no image with an instance: nothing can be trained. Add annotations.")
        self.name = name
        self.classes = parsed.classes
        self._folder = folder
        self._group = group
        self._entries = [entry for entry, _ in pairs]
        _check_files(folder, parsed.images, annotations)
        packed = [pickle.dumps(each) for _, each in pairs]
        # one tensor, because a million Python objects would be copied into every worker
        self._content = torch.frombuffer(bytearray(b"".join(packed)), dtype=torch.uint8)
        self._ends = torch.tensor([len(each) for each in packed]).cumsum(0)

    def __len__(self) -> int:
        return len(self._entries)

    def image(self, index: int) -> Image.Image:
        """The RGB image. Raises `BadImage` if it cannot be read or differs in size from its annotations."""
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
        """A random order grouped by aspect ratio, see `aspect_grouped_order`; None without grouping."""
        if self._group == 1:
            return None
        ratios = torch.tensor([entry.height / entry.width for entry in self._entries])
        return aspect_grouped_order(ratios, self._group, generator)


def open_coco(
    root: str | Path,
    split: str,
    classes: Sequence[str] | None = None,
    *,
    skip_empty: bool = False,
    group: int = 1,
    max_bad: int = 0,
) -> CocoImages:
    """The images of a split below `root`, in any of COCO's layouts; see `EXPECTED`. Raises `UserError`.

    `val` may also be called `valid` or `validation`. The other arguments as `CocoImages` takes them.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"there is no folder {root}. {EXPECTED}")
    found = _annotations_of(root, split)
    if found is None:
        raise UserError(f"{root} has no annotations of {split}. {EXPECTED}")
    annotations, candidates = found
    folder = next((each for each in candidates if each.is_dir()), None)
    if folder is None:
        raise UserError(f"the images of {annotations} are missing: there is no folder {candidates[0]}.")
    name = printable(root.resolve().name)
    return CocoImages(annotations, folder, name, classes, skip_empty=skip_empty, group=group, max_bad=max_bad)


def has_coco_split(root: str | Path, split: str) -> bool:
    """Whether `open_coco` finds annotations of the split."""
    return _annotations_of(Path(root), split) is not None


def _annotations_of(root: Path, split: str) -> tuple[Path, list[Path]] | None:
    """-> the annotations of a split, and the folders that may hold their images."""
    for name in _NAMES[split]:
        for pattern, folders in _LAYOUTS:
            if (path := root / pattern.format(split=name)).is_file():
                names = dict.fromkeys((name, *_NAMES[split]))
                return path, [root / folder.format(split=each) for folder in folders for each in names]
    return None


def _check_files(folder: Path, images: Sequence[ImageEntry], annotations: Path) -> None:
    """Lists each folder once: checking 118,000 files one by one takes minutes on some file systems."""
    present: dict[Path, set[str]] = {}

    def exists(name: str) -> bool:
        path = folder / name
        if path.parent not in present:
            present[path.parent] = set(os.listdir(path.parent)) if path.parent.is_dir() else set()
        return path.name in present[path.parent]

    missing = [image.file_name for image in images if not exists(image.file_name)]
    if missing:
        raise UserError(
            f"{counted(len(missing), 'image')} of {len(images)} in {annotations} are not in {folder}, "
            f"{missing[0]} first. Add them, or remove their entries."
        )
