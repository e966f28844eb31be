"""Reads and validates a COCO JSON file."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parcnet.base import UserError, counted, warn
from parcnet.tasks.detection.coco.instances import Instances

_SMALLEST = 1e-3
"""Smallest width and height of a box, px."""


@dataclass(frozen=True, slots=True)
class ImageEntry:
    """One image of the file."""

    id: int
    file_name: str
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Annotations:
    """The file's images and their instances."""

    classes: tuple[str, ...]
    """Names in the order of the category ids, or the given ones."""
    images: list[ImageEntry]
    instances: list[Instances]
    corrections: Counter[str] = field(default_factory=Counter)
    """Kind of correction -> number of annotations that were corrected or left out."""


def read_annotations(path: Path, classes: Sequence[str] | None = None) -> Annotations:
    """The annotations in `path`, with labels as indices into `classes` (default: the file's own categories).

    Boxes are clipped to their image. Boxes outside the image or without area and instances without a mask are left out
    of training and counted in one warning. Raises `UserError` for a file that is not COCO JSON, duplicate or unknown
    ids, boxes that are not four numbers, categories that are not in `classes`, and if no instance has a mask.
    """
    content = _parsed(path)
    categories = _categories(content["categories"], path)
    names = tuple(categories.values())
    known = tuple(classes) if classes is not None else names
    if extra := [name for name in names if name not in known]:
        raise UserError(
            f"{path} has categories that are not among the classes: {', '.join(extra[:5])}. Expected "
            f"{', '.join(known[:10])}{', ...' if len(known) > 10 else ''}."
        )
    images = _images(content["images"], path)
    label = {number: known.index(name) for number, name in categories.items()}
    by_image = _by_image(content["annotations"], images, categories, path)
    corrections: Counter[str] = Counter()
    instances = [_instances(image, by_image[image.id], label, corrections, path) for image in images]
    total = sum(map(len, by_image.values()))
    if total and not any(map(len, instances)) and corrections["without a mask"]:
        raise UserError(
            f"{path}: none of {total} annotations has a segmentation, which masks are trained on: add them."
        )
    if corrections:
        summary = ", ".join(f"{count} {kind}" for kind, count in sorted(corrections.items()))
        warn(f"{path.name}: of {counted(total, 'annotation')}, {summary}")
    return Annotations(known, images, instances, corrections)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}.") from None
    missing = [key for key in ("images", "annotations", "categories") if not _listed(content, key)]
    if missing:
        raise UserError(
            f"{path} is not a COCO file: it has no list of {missing[0]}. Expected {{images, annotations, categories}}."
        )
    return content


def _listed(content: Any, key: str) -> bool:
    return isinstance(content, dict) and isinstance(content.get(key), list)


def _categories(entries: list[Any], path: Path) -> dict[int, str]:
    try:
        named = sorted((int(entry["id"]), str(entry["name"])) for entry in entries)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: a category needs an id and a name ({error!r}).") from None
    if not named:
        raise UserError(f"{path} has no categories.")
    for part, key in ((0, "id"), (1, "name")):
        values = Counter(entry[part] for entry in named)
        if duplicates := [value for value, count in values.items() if count > 1]:
            raise UserError(f"{path}: two categories have the {key} {duplicates[0]!r}; each needs its own.")
    return dict(named)


def _images(entries: list[Any], path: Path) -> list[ImageEntry]:
    try:
        images = [
            ImageEntry(int(entry["id"]), str(entry["file_name"]), int(entry["height"]), int(entry["width"]))
            for entry in entries
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: an image needs id, file_name, height and width ({error!r}).") from None
    if not images:
        raise UserError(f"{path} has no images.")
    if duplicates := [number for number, count in Counter(image.id for image in images).items() if count > 1]:
        raise UserError(f"{path}: two images have the id {duplicates[0]}; each needs its own.")
    if bad := next((image for image in images if min(image.height, image.width) < 1), None):
        raise UserError(f"{path}: image {bad.id} is {bad.width} x {bad.height} px; expected sides of at least 1.")
    return images


def _by_image(
    entries: list[Any], images: Sequence[ImageEntry], categories: dict[int, str], path: Path
) -> dict[int, list[dict[str, Any]]]:
    known = {image.id for image in images}
    grouped: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for index, entry in enumerate(entries):
        name = f"{path}: annotation {entry.get('id', index) if isinstance(entry, dict) else index}"
        if not isinstance(entry, dict) or not {"image_id", "category_id", "bbox"} <= entry.keys():
            raise UserError(f"{name} needs image_id, category_id and bbox.")
        if entry["image_id"] not in known:
            raise UserError(f"{name} refers to image {entry['image_id']}, which is not in the file.")
        if entry["category_id"] not in categories:
            ids = ", ".join(map(str, list(categories)[:10]))
            raise UserError(f"{name} refers to category {entry['category_id']}; expected one of the ids {ids}.")
        if not _four_numbers(entry["bbox"]):
            raise UserError(
                f"{name} has the bbox {entry['bbox']!r}; expected four finite numbers: x, y, width, height."
            )
        grouped[entry["image_id"]].append(entry)
    return grouped


def _four_numbers(box: Any) -> bool:
    return (
        isinstance(box, list)
        and len(box) == 4
        and all(isinstance(value, (int, float)) and math.isfinite(value) for value in box)
    )


def _instances(
    image: ImageEntry, entries: Sequence[dict[str, Any]], label: dict[int, int], corrections: Counter[str], path: Path
) -> Instances:
    truth = [{**entry, "category_id": label[entry["category_id"]]} for entry in entries]
    instances = Instances(image_id=image.id, truth=truth)
    for entry in entries:
        if entry.get("iscrowd"):
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
        elif not _has_mask(entry.get("segmentation"), f"{path}: annotation {entry.get('id')}"):
            corrections["without a mask"] += 1
        else:
            if outside:
                corrections["extending beyond their image (clipped)"] += 1
            instances.boxes.append((x1, y1, x2, y2))
            instances.labels.append(label[entry["category_id"]])
            instances.segmentations.append(entry["segmentation"])
    return instances


def _has_mask(segmentation: Any, name: str) -> bool:
    """Whether there is a mask to decode. Raises `UserError` for anything but polygons and run lengths."""
    if segmentation is None or segmentation in ([], {}):
        return False
    if isinstance(segmentation, dict) and {"size", "counts"} <= segmentation.keys():
        return bool(segmentation["counts"])
    if isinstance(segmentation, list) and all(isinstance(polygon, list) for polygon in segmentation):
        return any(len(polygon) >= 6 for polygon in segmentation)
    raise UserError(f"{name} has a segmentation that is neither polygons (lists of x, y, ...) nor run lengths.")
