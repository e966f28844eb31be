"""Reads and validates a COCO JSON file."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from parcnet.base import UserError, counted, read_regular, warn
from parcnet.data.class_names import label_of, normalised
from parcnet.tasks.detection.coco.annotation_check import BadAnnotation, ImageEntry, checked, image_of
from parcnet.tasks.detection.coco.identifiers import Identifier, identifier
from parcnet.tasks.detection.coco.instances import Instances

_SMALLEST = 1e-3
"""Smallest width and height of a box, px."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """The file's images and their instances."""

    classes: tuple[str, ...]
    """Names in the order of the category ids, or the given ones."""
    images: list[ImageEntry]
    instances: list[Instances]
    corrections: Counter[str] = field(default_factory=Counter)
    """Kind of correction -> number of annotations that were corrected or left out."""


def read_annotations(path: Path, classes: Sequence[str] | None = None, max_bad: int = 0) -> Annotations:
    """The annotations in `path`, with labels as indices into `classes` (default: the file's own categories).

    Boxes are clipped to their image. Boxes outside the image or without area and instances without a mask are left out
    of training and counted in one warning. Categories of the same name are one class. Annotations that are not finite,
    bounded and consistent (see `annotation_check`) are left out altogether, at most `max_bad` of them.

    Raises `UserError` for a file that is not COCO JSON, more such annotations, duplicate ids, categories that are not
    in `classes`, and if no instance has a mask.
    """
    content = _parsed(path)
    categories = _categories(content["categories"], path)
    known = tuple(classes) if classes is not None else tuple(dict.fromkeys(categories.values()))
    index = label_of(known)
    if extra := [name for name in categories.values() if name not in index]:
        raise UserError(
            f"{path} has categories that are not among the classes: {', '.join(extra[:5])}. Expected "
            f"{', '.join(known[:10])}{', ...' if len(known) > 10 else ''}."
        )
    images = _images(content["images"], path)
    labels = {number: index[name] for number, name in categories.items()}
    by_image = _by_image(content["annotations"], images, labels, path, max_bad)
    corrections: Counter[str] = Counter()
    instances = [_instances(image, by_image[image.id], corrections) for image in images.values()]
    total = sum(map(len, by_image.values()))
    if total and not any(map(len, instances)) and corrections["without a mask"]:
        raise UserError(
            f"{path}: none of {total} annotations has a segmentation, which masks are trained on: add them."
        )
    if corrections:
        summary = ", ".join(f"{count} {kind}" for kind, count in sorted(corrections.items()))
        warn(f"{path.name}: of {counted(total, 'annotation')}, {summary}")
    return Annotations(known, list(images.values()), instances, corrections)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_regular(path))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}.") from None
    missing = [key for key in ("images", "annotations", "categories") if not _listed(content, key)]
    if missing:
        raise UserError(
            f"{path} is not a COCO file: it has no list of {missing[0]}. Expected {{images, annotations, categories}}."
        )
    return content


def _listed(content: Any, key: str) -> bool:
    return isinstance(content, dict) and isinstance(content.get(key), list)


def _categories(entries: list[Any], path: Path) -> dict[Identifier, str]:
    """Id -> name, normalised, in the order of the ids."""
    try:
        named = [(identifier(entry["id"]), normalised(str(entry["name"]))) for entry in entries]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: a category needs an id and a name ({error!r}).") from None
    if not named:
        raise UserError(f"{path} has no categories.")
    _check_unique([number for number, _ in named], "categories", path)
    return dict(sorted(named, key=lambda category: (isinstance(category[0], str), *category)))


def _images(entries: list[Any], path: Path) -> dict[Identifier, ImageEntry]:
    """Id in the file -> image. Where an id is no number, images are numbered by their places."""
    try:
        sizes = [(int(entry["height"]), int(entry["width"]), str(entry["file_name"])) for entry in entries]
        ids = [identifier(entry["id"]) for entry in entries]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}: an image needs id, file_name, height and width ({error!r}).") from None
    if not entries:
        raise UserError(f"{path} has no images.")
    _check_unique(ids, "images", path)
    for number, (height, width, name) in zip(ids, sizes, strict=True):
        if min(height, width) < 1:
            raise UserError(f"{path}: image {number} is {width} x {height} px; expected sides of at least 1.")
        if height * width > (Image.MAX_IMAGE_PIXELS or float("inf")):
            raise UserError(
                f"{path}: image {number} ({name}) is {width} x {height} px; expected at most "
                f"{Image.MAX_IMAGE_PIXELS} pixels, as images are read."
            )
    plain = all(isinstance(number, int) for number in ids)
    return {
        number: ImageEntry(number if plain and isinstance(number, int) else place, name, height, width)
        for place, (number, (height, width, name)) in enumerate(zip(ids, sizes, strict=True))
    }


def _check_unique(ids: list[Identifier], what: str, path: Path) -> None:
    if duplicates := [number for number, count in Counter(ids).items() if count > 1]:
        raise UserError(f"{path}: two {what} have the id {duplicates[0]!r}; each needs its own.")


def _by_image(
    entries: list[Any],
    images: Mapping[Identifier, ImageEntry],
    labels: Mapping[Identifier, int],
    path: Path,
    max_bad: int,
) -> dict[int, list[dict[str, Any]]]:
    grouped: dict[int, list[dict[str, Any]]] = defaultdict(list)
    bad: list[str] = []
    for place, entry in enumerate(entries):
        try:
            image, annotation = checked(entry, images, labels)
        except BadAnnotation as error:
            bad.append(f"{_name(entry, place, images)} {error}")
        else:
            grouped[image.id].append(annotation)
    found = f"{path}: {counted(len(bad), 'unusable annotation')}"
    if len(bad) > max_bad:
        first = "\n".join(f"  {each}" for each in bad[:5])
        raise UserError(
            f"{found}, {max_bad} allowed:\n{first}\nCorrect or remove them, or leave them out with "
            "--max-bad-annotations."
        )
    if bad:
        warn(f"{found} left out: {bad[0]}{', ...' if len(bad) > 1 else ''}")
    return grouped


def _name(entry: Any, place: int, images: Mapping[Identifier, ImageEntry]) -> str:
    """The annotation in messages, with its image where it has one."""
    name = f"annotation {entry.get('id', place) if isinstance(entry, dict) else place}"
    try:
        image = image_of(entry, images)
    except BadAnnotation:
        return name
    return f"{name} of image {entry['image_id']} ({image.file_name})"


def _instances(image: ImageEntry, entries: list[dict[str, Any]], corrections: Counter[str]) -> Instances:
    instances = Instances(image_id=image.id, truth=entries)
    for entry in entries:
        if entry["iscrowd"]:
            continue
        x, y, width, height = entry["bbox"]
        right, bottom = x + width, y + height
        # COCO itself has rounding errors of half a px everywhere
        outside = x < -0.5 or y < -0.5 or right > image.width + 0.5 or bottom > image.height + 0.5
        x1, x2 = (min(max(side, 0.0), float(image.width)) for side in (x, right))
        y1, y2 = (min(max(side, 0.0), float(image.height)) for side in (y, bottom))
        if width < _SMALLEST or height < _SMALLEST:
            corrections["with a box without area (left out)"] += 1
        elif x2 - x1 < _SMALLEST or y2 - y1 < _SMALLEST:
            corrections["outside their image (left out)"] += 1
        elif not entry["segmentation"]:
            corrections["without a mask"] += 1
        else:
            if outside:
                corrections["extending beyond their image (clipped)"] += 1
            instances.boxes.append((x1, y1, x2, y2))
            instances.labels.append(entry["category_id"])
            instances.segmentations.append(entry["segmentation"])
    return instances
