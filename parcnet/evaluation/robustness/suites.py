"""Robustness suites: data sets as their archives unpack, with class subsets from timm."""

import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from timm.data import ImageNetInfo

from parcnet.base import UserError, unknown
from parcnet.data import ImageDataset, has_split, open_dataset
from parcnet.data.corruptions import CORRUPTIONS, SEVERITIES

SUITES = {
    "imagenet-v2": "DIR/0 to DIR/999: new photographs, classes by number (Recht et al., 2019, arXiv:1902.10811)",
    "imagenet-r": "DIR/SYNSET of 200 classes: paintings, toys, cartoons (Hendrycks et al., 2021, arXiv:2006.16241)",
    "imagenet-a": "DIR/SYNSET of 200 classes: photographs ResNet-50 misclassifies (Hendrycks et al., arXiv:1907.07174)",
    "imagenet-sketch": "DIR/SYNSET of 1,000 classes: drawings (Wang et al., 2019, arXiv:1905.13549)",
    "imagenet-c": "DIR/CORRUPTION/SEVERITY/SYNSET: corrupted images (Hendrycks and Dietterich, arXiv:1903.12261)",
    "corruptions": "any labelled images, corrupted here: eight corruptions at five severities, and undamaged",
}
"""Name -> folder layout and content."""

_SUBSETS = {"imagenet-r": "imagenet_r_synsets.txt", "imagenet-a": "imagenet_a_synsets.txt"}
"""Suites with a subset of the 1,000 classes -> timm's list of them."""


@dataclass(frozen=True, slots=True)
class Part:
    """Images of a suite that are evaluated together."""

    name: str
    images: ImageDataset
    """Labels are indices into the checkpoint's classes."""
    class_subset: tuple[int, ...] | None = None
    """Class indices a prediction is chosen from, as the suite's authors evaluate; None: all."""
    corruption: tuple[str, int] | None = None
    """(name, severity), applied after cropping."""


def parts_of(suite: str, data_dir: str | None, split: str | None, classes: Sequence[str]) -> list[Part]:
    """The parts of a suite for a checkpoint with the given classes.

    Raises `UserError` for an unknown suite, a folder without the layout in `SUITES`, and for a checkpoint whose classes
    are not named by ImageNet synsets where the suite needs them.
    """
    if suite not in SUITES:
        raise unknown("suite", suite, SUITES)
    if suite == "corruptions":
        chosen = split or ("test" if has_split(data_dir, "test") else "val")
        images = open_dataset(data_dir, chosen, classes)  # type: ignore[arg-type]  # the command checks the word
        corruptions = [(name, severity) for name in CORRUPTIONS for severity in SEVERITIES]
        return [
            Part("undamaged", images),
            *(Part(f"{name} {severity}", images, corruption=(name, severity)) for name, severity in corruptions),
        ]
    if data_dir is None:
        raise UserError(f"--suite {suite} needs --data-dir DIR, laid out as {SUITES[suite]}.")
    if split is not None:
        raise UserError(f"--split {split}: {suite} has no splits; --data-dir is the folder with its classes.")
    return _imagenet(suite, Path(data_dir), tuple(classes))


def _imagenet(suite: str, root: Path, classes: tuple[str, ...]) -> list[Part]:
    synsets = ImageNetInfo("imagenet-1k").label_names()
    if missing := set(synsets) - set(classes):
        raise UserError(
            f"--suite {suite} needs a network whose classes are named by ImageNet synsets, such as {synsets[0]}; "
            f"{len(missing)} of 1,000 are missing, and this one has {', '.join(classes[:3])}, ..."
        )
    class_index = {name: index for index, name in enumerate(classes)}

    def by_class(folder: Path) -> ImageDataset:
        return _opened(suite, folder, classes)

    if suite == "imagenet-v2":
        numbered = _opened(suite, root, [str(number) for number in range(len(synsets))])
        return [Part(root.name, _Relabelled(numbered, classes, [class_index[synset] for synset in synsets]))]
    if suite == "imagenet-c":
        return _by_severity(suite, root, by_class)
    file = _SUBSETS.get(suite)
    class_subset = None if file is None else tuple(class_index[synset] for synset in _timm_list(file))
    return [Part(root.name, by_class(root), class_subset)]


def _by_severity(suite: str, root: Path, by_class: Callable[[Path], ImageDataset]) -> list[Part]:
    found = sorted(path for path in root.glob("*/[1-5]") if path.is_dir())
    if not found:
        raise UserError(f"{root} has no folders CORRUPTION/SEVERITY. Expected {SUITES[suite]}.")
    return [Part(f"{path.parent.name} {path.name}", by_class(path)) for path in found]


def _opened(suite: str, folder: Path, classes: Sequence[str]) -> ImageDataset:
    try:
        return open_dataset(folder.parent, folder.name, classes)  # type: ignore[arg-type]  # any folder of class folders
    except UserError as error:
        raise UserError(f"{error} For --suite {suite}: {SUITES[suite]}.") from None


def _timm_list(file: str) -> list[str]:
    content = pkgutil.get_data("timm.data", f"_info/{file}")
    assert content is not None
    return content.decode().split()


@dataclass(frozen=True, slots=True)
class _Relabelled:
    """Images with their labels mapped: label i becomes `labels[i]`."""

    images: ImageDataset
    classes: tuple[str, ...]
    labels: Sequence[int]

    @property
    def name(self) -> str:
        return self.images.name

    def __len__(self) -> int:
        return len(self.images)

    def image(self, index: int) -> Image.Image:
        return self.images.image(index)

    def label(self, index: int) -> int:
        return self.labels[self.images.label(index)]

    def where(self, index: int) -> str:
        return self.images.where(index)
