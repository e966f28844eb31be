"""One annotation of a COCO file: finite, bounded and consistent with its image, or refused with a reason."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from parcnet.tasks.detection.coco.identifiers import Identifier, identifier

FARTHEST = 10
"""Coordinates lie at most this many times the image's longer side outside it: rasterising takes time by length."""
_LONGEST_POLYGON = 10_000
"""Points."""


@dataclass(frozen=True, slots=True)
class ImageEntry:
    """One image of the file."""

    id: int
    file_name: str
    height: int
    width: int


class BadAnnotation(ValueError):
    """Why an annotation cannot be used, as the end of a sentence about it."""


def checked(
    entry: Mapping[str, Any], images: Mapping[Identifier, ImageEntry], labels: Mapping[Identifier, int]
) -> tuple[ImageEntry, dict[str, Any]]:
    """-> the annotation's image, and what training and COCO's metric need of it, with its label as category_id.

    `labels` maps category ids to labels. Raises `BadAnnotation`.
    """
    image = image_of(entry, images)
    category = _identified(entry, "category_id")
    if category not in labels:
        ids = ", ".join(map(str, list(labels)[:10]))
        raise BadAnnotation(f"refers to category {category}; expected one of the ids {ids}")
    result = {
        "image_id": image.id,
        "category_id": labels[category],
        "bbox": _box(entry["bbox"], image),
        "iscrowd": _crowd(entry.get("iscrowd")),
        "segmentation": _segmentation(entry.get("segmentation"), image),
    }
    area = entry.get("area")
    if area is not None:
        if not (_is_number(area) and 0 <= area <= (2 * FARTHEST + 1) ** 2 * image.height * image.width * 4):
            raise BadAnnotation(f"has the area {_short(area)}; expected a number of px from 0, or none")
        result["area"] = float(area)
    return image, result


def image_of(entry: Any, images: Mapping[Identifier, ImageEntry]) -> ImageEntry:
    """The image that an annotation refers to. Raises `BadAnnotation`."""
    if not isinstance(entry, dict) or not {"image_id", "category_id", "bbox"} <= entry.keys():
        raise BadAnnotation("needs image_id, category_id and bbox")
    number = _identified(entry, "image_id")
    if number not in images:
        raise BadAnnotation(f"refers to image {number}, which is not in the file")
    return images[number]


def run_lengths(counts: str) -> list[int]:
    """COCO's compressed run lengths, decoded: five bits a character, the sixth says that the number continues, and
    from the fourth number on the difference to the one before the last is stored. Raises ValueError."""
    bits = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - 48
    if len(bits) and (bits.min() < 0 or bits.max() > 63 or bits[-1] & 0x20):
        raise ValueError("not the text of run lengths")
    last = (bits & 0x20) == 0
    start = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1]) if len(bits) else np.zeros(0, np.int64)
    place = np.arange(len(bits)) - np.repeat(start, np.diff([*start, len(bits)]))
    if len(place) and place.max() > 11:
        raise ValueError("a run length beyond 60 bits")
    values = np.add.reduceat((bits & 0x1F) << (5 * place), start) if len(bits) else np.zeros(0, np.int64)
    negative = bits[last] & 0x10 != 0
    values = values - np.where(negative, 1 << (5 * (place[last] + 1)), 0)
    for offset in (1, 2):
        values[offset::2] = np.cumsum(values[offset::2])
    return values.tolist()


def _identified(entry: Mapping[str, Any], key: str) -> Identifier:
    try:
        return identifier(entry[key])
    except ValueError as error:
        raise BadAnnotation(f"has the {key} {error}") from None


def _box(box: Any, image: ImageEntry) -> list[float]:
    if not (isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))):
        raise BadAnnotation(f"has the bbox {_short(box)}; expected four finite numbers: x, y, width, height")
    if not all(map(_bound(image), box)):
        raise BadAnnotation(f"has the bbox {_short(box)}, far outside its image of {image.width} x {image.height} px")
    return [float(value) for value in box]


def _crowd(value: Any) -> int:
    if value in (None, 0, 1, "0", "1", ""):  # True and False are 1 and 0
        return int(value or 0)
    raise BadAnnotation(f"has the iscrowd {_short(value)}; expected 0 or 1")


def _segmentation(segmentation: Any, image: ImageEntry) -> Any:
    """Polygons or run lengths to decode; empty where there is no mask."""
    if segmentation is None or segmentation in ([], {}):
        return []
    if isinstance(segmentation, dict) and {"size", "counts"} <= segmentation.keys():
        return _runs(segmentation["size"], segmentation["counts"], image)
    if isinstance(segmentation, list) and all(isinstance(polygon, list) for polygon in segmentation):
        if segmentation and all(len(polygon) == 2 for polygon in segmentation):
            raise BadAnnotation("has a polygon of points [x, y]; expected a list of flat lists x, y, x, y, ...")
        for polygon in segmentation:
            _check_polygon(polygon, image)
        return [polygon for polygon in segmentation if len(polygon) >= 6]
    raise BadAnnotation("has a segmentation that is neither polygons (lists of x, y, ...) nor run lengths")


def _runs(size: Any, counts: Any, image: ImageEntry) -> dict[str, Any] | list[Any]:
    if size != [image.height, image.width]:
        raise BadAnnotation(
            f"has run lengths of size {_short(size)}; its image is [{image.height}, {image.width}] (height, width)"
        )
    if counts in ("", []):
        return []
    try:
        runs = run_lengths(counts) if isinstance(counts, str) else counts
    except ValueError as error:
        raise BadAnnotation(f"has damaged run lengths ({error})") from None
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise BadAnnotation(f"has the run lengths {_short(counts)}; expected whole numbers from 0")
    if sum(runs) != image.height * image.width:
        raise BadAnnotation(f"has run lengths of {sum(runs)} px; its image has {image.height * image.width}")
    return {"size": size, "counts": counts}


def _check_polygon(polygon: Sequence[Any], image: ImageEntry) -> None:
    if not set(map(type, polygon)) <= {int, float}:
        raise BadAnnotation(f"has the polygon {_short(polygon)}; expected a flat list of numbers x, y, x, y, ...")
    if len(polygon) % 2 or len(polygon) > 2 * _LONGEST_POLYGON:
        raise BadAnnotation(
            f"has a polygon of {len(polygon)} numbers; expected x and y of at most {_LONGEST_POLYGON} points"
        )
    if not all(map(_bound(image), polygon)):
        raise BadAnnotation(
            f"has a polygon that is not finite or far outside its image of {image.width} x {image.height} px"
        )


def _bound(image: ImageEntry) -> Any:
    """Whether a number lies within bounds; NaN does not."""
    farthest = (FARTHEST + 1) * max(image.height, image.width)
    return lambda value: -farthest <= value <= farthest


def _is_number(value: Any) -> bool:
    if type(value) is float:
        return math.isfinite(value)
    return type(value) is int


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
