"""Folders of images: SPLIT/CLASS/*.jpg, as torchvision's ImageFolder and timm read them."""

import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torchvision.datasets.folder import IMG_EXTENSIONS, make_dataset

from parcnet.base import UserError, nearest
from parcnet.data.images import decode_image, read_image

_LAYOUT = "Expected DIR/train/CLASS/IMAGE and DIR/val/CLASS/IMAGE, and DIR/test/CLASS/IMAGE if there is a test split."


class FolderImages:
    """Image files and their labels."""

    def __init__(self, name: str, classes: Sequence[str], files: Sequence[tuple[str, int]]) -> None:
        self.name = name
        self.classes = tuple(classes)
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
    present = _subfolders(folder)
    if classes is None:
        source = root / "train" if (root / "train").is_dir() else folder
        classes = _subfolders(source)
        if len(classes) < 2:
            found = ", ".join(classes) or "none"
            raise UserError(f"at least two classes are needed; {source} has {found}. {_LAYOUT}")
    if strangers := sorted(set(present) - set(classes)):
        guesses = nearest(strangers[0], classes)
        hint = f" Did you mean {' or '.join(guesses)}?" if guesses else f" It has {', '.join(classes[:10])}."
        raise UserError(f"{folder} has classes that training does not have: {_some(strangers)}.{hint}")
    label = {name: position for position, name in enumerate(classes)}
    files = make_dataset(folder, {name: label[name] for name in present}, is_valid_file=_is_image, allow_empty=True)
    filled = {position for _, position in files}
    if empty := [name for name in present if label[name] not in filled]:
        raise UserError(
            f"{folder} has no images of {_some(empty)}. Looked for {', '.join(IMG_EXTENSIONS)}; add some or remove the "
            "folder."
        )
    return FolderImages(root.resolve().name, classes, files)


def _split_folder(root: Path, split: str) -> Path:
    folder = root / split
    if not root.is_dir():
        raise UserError(f"there is no folder {root}. {_LAYOUT}")
    if not folder.is_dir():
        found = _subfolders(root)
        raise UserError(f"{root} has no folder {split}/; it holds {_some(found) if found else 'no folders'}. {_LAYOUT}")
    if not _subfolders(folder):
        raise UserError(f"{folder} has no class folders. {_LAYOUT}")
    return folder


def _subfolders(folder: Path) -> list[str]:
    """By name, as torchvision orders classes, but without hidden ones: .ipynb_checkpoints is no class."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise UserError(f"cannot list {folder}: {error.strerror}.") from error


def image_files(folder: Path) -> list[Path]:
    """The image files in a folder and below it, by name."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and _is_image(str(path)))


def _is_image(path: str) -> bool:
    name = os.path.basename(path).lower()
    return name.endswith(IMG_EXTENSIONS) and not name.startswith(".")  # macOS puts ._cat.jpg beside cat.jpg


def _some(names: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
