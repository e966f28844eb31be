"""Image folders, SPLIT/CLASS/*.jpg, as torchvision's ImageFolder and timm read them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from parcnet.base import UserError, printable
from parcnet.data.class_names import label_of, normalised, some, unknown_classes
from parcnet.data.image_walk import Skipped, is_hidden, walk_images
from parcnet.data.images import decode_image, read_image, suffixes

_LAYOUT = "Expected DIR/train/CLASS/IMAGE and DIR/val/CLASS/IMAGE, optionally DIR/test/CLASS/IMAGE."


class FolderImages:
    """Image files and their labels."""

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        files: Sequence[tuple[str, int]],
        skipped: Mapping[str, Skipped] | None = None,
    ) -> None:
        self.name = name
        self.classes = tuple(classes)
        self.skipped = dict(skipped or {})
        """Reason -> files and folders that are no images of the split; see `image_walk`."""
        self._paths = [path for path, _ in files]
        self._labels = [label for _, label in files]

    def __len__(self) -> int:
        return len(self._paths)

    def image(self, index: int) -> Image.Image:
        return decode_image(self.content(index), self._paths[index])

    def content(self, index: int) -> bytes:
        """The image file's bytes. `BadImage` for one that cannot be read."""
        return read_image(self._paths[index])

    def label(self, index: int) -> int:
        return self._labels[index]

    def where(self, index: int) -> str:
        return self._paths[index]


def open_folder(root: Path, split: str, classes: Sequence[str] | None = None) -> FolderImages:
    """The images below `root/split`; see `open_dataset`."""
    folder = _split_folder(root, split)
    present = _class_folders(folder)
    if classes is None:
        source = root / "train" if (root / "train").is_dir() else folder
        classes = list(_class_folders(source))
        if len(classes) < 2:
            present_classes = ", ".join(classes) or "none"
            raise UserError(f"at least two classes are needed; {source} has {present_classes}. {_LAYOUT}")
    label = label_of(classes)
    if unexpected := [name for name in present if name not in label]:
        raise unknown_classes(folder, unexpected, classes)
    walk = walk_images(folder, [spelling for spellings in present.values() for spelling in spellings])
    walk.warn()
    files = [(path, label[name]) for name in present for part in present[name] for path in walk.parts[part]]
    nonempty = {index for _, index in files}
    if empty := [name for name in present if label[name] not in nonempty]:
        raise UserError(
            f"{folder} has no images of {some(empty)}. Expected files ending in .jpg, .jpeg, .png, .webp, .tiff or "
            f"another of {len(suffixes())} suffixes of images; add some or remove the folder.{_skips(walk.skipped)}"
        )
    return FolderImages(printable(root.resolve().name), classes, files, walk.skipped)


def _skips(skipped: Mapping[str, Skipped]) -> str:
    parts = (f"{each.count} ({reason}), e.g. {each.examples[0]}" for reason, each in skipped.items())
    return f" Skipped: {'; '.join(parts)}." if skipped else ""


def _split_folder(root: Path, split: str) -> Path:
    folder = root / split
    if not root.is_dir():
        raise UserError(f"there is no folder {root}. {_LAYOUT}")
    if not folder.is_dir():
        names = _subfolders(root)
        raise UserError(f"{root} has no folder {split}/; it holds {some(names) if names else 'no folders'}. {_LAYOUT}")
    if not _subfolders(folder):
        raise UserError(f"{folder} has no class folders. {_LAYOUT}")
    return folder


def _class_folders(folder: Path) -> dict[str, list[str]]:
    """Class -> its folders, in alphabetical order as in torchvision: one, or two in spellings NFC and NFD.

    Raises `UserError` for a name that is not UTF-8: checkpoints, reports and parquet files hold class names as text.
    """
    found: dict[str, list[str]] = {}
    for name in _subfolders(folder):
        if printable(name) != name:
            raise UserError(
                f"{printable(str(folder))} has the class folder {printable(name)}, whose name is not UTF-8. Rename it, "
                "e.g. with `convmv -f latin1 -t utf8 --notest`."
            )
        found.setdefault(normalised(name), []).append(name)
    return dict(sorted(found.items()))


def _subfolders(folder: Path) -> list[str]:
    """In alphabetical order; hidden folders such as .ipynb_checkpoints are skipped."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not is_hidden(entry.name))
    except OSError as error:
        raise UserError(f"cannot list {folder}: {error.strerror}.") from error


def image_files(folder: Path) -> list[Path]:
    """All image files in a folder and its subfolders, sorted by path; see `image_walk`."""
    walk = walk_images(folder)
    walk.warn()
    return sorted(map(Path, walk.images))
