"""A COCO JSON file, checked: what is wrong with it is said before any work."""

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
"""px: a box without width or height is no box."""


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
    """Names, by category id, or as they were given."""
    images: list[ImageEntry]
    instances: list[Instances]
    found: Counter[str] = field(default_factory=Counter)
    """What was put right or left out -> how often."""


def read_annotations(path: Path, classes: Sequence[str] | None = None) -> Annotations:
    """The annotations in `path`, with labels as positions in `classes` (default: the file's own categories).

    Boxes are clipped to their image; boxes outside of it or without area and instances without a mask are left out of
    training, and counted in one warning. Raises `UserError` for a file that is not COCO's JSON, for ids that are twice
    there or point nowhere, for boxes that are not four numbers, for categories that `classes` does not have, and where
    no instance has a mask.
    """
    content = _parsed(path)
    categories = _categories(content["categories"], path)
    names = tuple(categories.values())
    known = tuple(classes) if classes is not None else names
    if strangers := [name for name in names if name not in known]:
        raise UserError(
            f"{path} has categories that training does not have: {', '.join(strangers[:5])}. It has "
            f"{', '.join(known[:10])}{', ...' if len(known) > 10 else ''}."
        )
    images = _images(content["images"], path)
    label = {number: known.index(name) for number, name in categories.items()}
    by_image = _by_image(content["annotations"], images, categories, path)
    found: Counter[str] = Counter()
    instances = [_instances(image, by_image[image.id], label, found, path) for image in images]
    total = sum(map(len, by_image.values()))
    if total and not any(map(len, instances)) and found["without a mask"]:
        raise UserError(f"{path}: none of {total} annotations has a segmentation; masks cannot be learned from boxes.")
    if found:
        said = ", ".join(f"{count} {what}" for what, count in sorted(found.items()))
        warn(f"{path.name}: of {counted(total, 'annotation')}, {said}")
    return Annotations(known, images, instances, found)


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
            f"{path} is no COCO file: it has no list of {missing[0]}. Expected {{images, annotations, categories}}."
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
    for part, what in ((0, "id"), (1, "name")):
        values = Counter(entry[part] for entry in named)
        if twice := [value for value, times in values.items() if times > 1]:
            raise UserError(f"{path}: two categories have the {what} {twice[0]!r}; each needs its own.")
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
    if twice := [number for number, times in Counter(image.id for image in images).items() if times > 1]:
        raise UserError(f"{path}: two images have the id {twice[0]}; each needs its own.")
    if bad := next((image for image in images if min(image.height, image.width) < 1), None):
        raise UserError(f"{path}: image {bad.id} is {bad.width} x {bad.height} px; expected sides of at least 1.")
    return images


def _by_image(
    entries: list[Any], images: Sequence[ImageEntry], categories: dict[int, str], path: Path
) -> dict[int, list[dict[str, Any]]]:
    known = {image.id for image in images}
    grouped: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for place, entry in enumerate(entries):
        name = f"{path}: annotation {entry.get('id', place) if isinstance(entry, dict) else place}"
        if not isinstance(entry, dict) or not {"image_id", "category_id", "bbox"} <= entry.keys():
            raise UserError(f"{name} needs image_id, category_id and bbox.")
        if entry["image_id"] not in known:
            raise UserError(f"{name} is of image {entry['image_id']}, which the file does not have.")
        if entry["category_id"] not in categories:
            ids = ", ".join(map(str, list(categories)[:10]))
            raise UserError(f"{name} is of category {entry['category_id']}; the file has the ids {ids}.")
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
    image: ImageEntry, entries: Sequence[dict[str, Any]], label: dict[int, int], found: Counter[str], path: Path
) -> Instances:
    truth = [{**entry, "category_id": label[entry["category_id"]]} for entry in entries]
    made = Instances(image_id=image.id, truth=truth)
    for entry in entries:
        if entry.get("iscrowd"):
            continue
        x, y, width, height = entry["bbox"]
        whole = (x, y, x + width, y + height)
        # half a px of rounding is everywhere in COCO itself and no mistake
        over = x < -0.5 or y < -0.5 or whole[2] > image.width + 0.5 or whole[3] > image.height + 0.5
        x1, x2 = (min(max(side, 0.0), float(image.width)) for side in (whole[0], whole[2]))
        y1, y2 = (min(max(side, 0.0), float(image.height)) for side in (whole[1], whole[3]))
        if width < _SMALLEST or height < _SMALLEST:
            found["with a box without area (left out)"] += 1
        elif x2 - x1 < _SMALLEST or y2 - y1 < _SMALLEST:
            found["outside of their image (left out)"] += 1
        elif not _has_mask(entry.get("segmentation"), f"{path}: annotation {entry.get('id')}"):
            found["without a mask"] += 1
        else:
            if over:
                found["reaching out of their image (clipped)"] += 1
            made.boxes.append((x1, y1, x2, y2))
            made.labels.append(label[entry["category_id"]])
            made.segmentations.append(entry["segmentation"])
    return made


def _has_mask(segmentation: Any, name: str) -> bool:
    """Whether there is something to decode. `UserError` for a form that is neither polygons nor run lengths."""
    if segmentation is None or segmentation in ([], {}):
        return False
    if isinstance(segmentation, dict) and {"size", "counts"} <= segmentation.keys():
        return bool(segmentation["counts"])
    if isinstance(segmentation, list) and all(isinstance(polygon, list) for polygon in segmentation):
        return any(len(polygon) >= 6 for polygon in segmentation)
    raise UserError(f"{name} has a segmentation that is neither polygons (lists of x, y, ...) nor run lengths.")
