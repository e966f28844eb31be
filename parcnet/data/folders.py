"""Image folders, SPLIT/CLASS/*.jpg, as torchvision's ImageFolder and timm read them."""

import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torchvision.datasets.folder import IMG_EXTENSIONS, make_dataset

from parcnet.base import UserError, nearest
from parcnet.data.images import decode_image, read_image

_LAYOUT = "Expected DIR/train/CLASS/IMAGE and DIR/val/CLASS/IMAGE, optionally DIR/test/CLASS/IMAGE."


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
            present_classes = ", ".join(classes) or "none"
            raise UserError(f"at least two classes are needed; {source} has {present_classes}. {_LAYOUT}")
    if unexpected := sorted(set(present) - set(classes)):
        guesses = nearest(unexpected[0], classes)
        hint = f" Did you mean {' or '.join(guesses)}?" if guesses else f" It has {', '.join(classes[:10])}."
        raise UserError(f"{folder} has classes that training does not have: {_some(unexpected)}.{hint}")
    label = {name: index for index, name in enumerate(classes)}
    files = make_dataset(folder, {name: label[name] for name in present}, is_valid_file=_is_image, allow_empty=True)
    nonempty = {index for _, index in files}
    if empty := [name for name in present if label[name] not in nonempty]:
        raise UserError(
            f"{folder} has no images of {_some(empty)}. Expected files ending in {', '.join(IMG_EXTENSIONS)}; add some "
            "or remove the folder."
        )
    return FolderImages(root.resolve().name, classes, files)


def _split_folder(root: Path, split: str) -> Path:
    folder = root / split
    if not root.is_dir():
        raise UserError(f"there is no folder {root}. {_LAYOUT}")
    if not folder.is_dir():
        names = _subfolders(root)
        raise UserError(f"{root} has no folder {split}/; it holds {_some(names) if names else 'no folders'}. {_LAYOUT}")
    if not _subfolders(folder):
        raise UserError(f"{folder} has no class folders. {_LAYOUT}")
    return folder


def _subfolders(folder: Path) -> list[str]:
    """In alphabetical order, as torchvision orders classes; hidden folders such as .ipynb_checkpoints are skipped."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise UserError(f"cannot list {folder}: {error.strerror}.") from error


def image_files(folder: Path) -> list[Path]:
    """All image files in a folder and its subfolders, sorted by path."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and _is_image(str(path)))


def _is_image(path: str) -> bool:
    name = os.path.basename(path).lower()
    return name.endswith(IMG_EXTENSIONS) and not name.startswith(".")  # macOS puts ._cat.jpg beside cat.jpg


def _some(names: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
