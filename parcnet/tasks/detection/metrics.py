"""COCO's average precision of boxes and masks, through faster-coco-eval."""

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
from torch import Tensor

from parcnet.base import UserError
from parcnet.tasks.detection.coco import Instances, encode
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.reduction import ONE_PROCESS, Reduction

STATISTICS = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large"),
)
"""COCO's twelve statistics in its order; small: area below 32^2 px, large: above 96^2 px."""

MASK_THRESHOLD = 0.5
"""Probability above which a pixel belongs to the mask."""


@dataclass(frozen=True, slots=True)
class DetectionMetrics:
    """COCO's statistics of one split, in [0, 1]; those without instances are omitted."""

    boxes: Mapping[str, float]
    masks: Mapping[str, float]
    count: int
    """Number of images."""
    images_per_second: float
    """Reading and resizing included."""

    @property
    def confusion(self) -> None:
        """Detection has no confusion matrix."""
        return None

    def metrics(self) -> dict[str, float]:
        """box_ap, ..., mask_ar_large; AP over IoU .5 to .95 is 0 without instances."""
        default = {"box_ap": 0.0, "mask_ap": 0.0}
        named = {"box": self.boxes, "mask": self.masks}
        return default | {f"{kind}_{name}": value for kind, each in named.items() for name, value in each.items()}


def evaluate_detection(
    predictor: Predictor,
    loader: Iterable[tuple[Sequence[Tensor], Sequence[Instances]]],
    reduction: Reduction = ONE_PROCESS,
) -> DetectionMetrics:
    """Runs the predictor, which returns one detection per image, over batches (images, instances).

    When several processes evaluate parts of a split, `reduction` gathers the detections of all. Raises `UserError`
    when there is no image.
    """
    started = time.perf_counter()
    truth: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    images: list[dict[str, int]] = []
    for inputs, targets in loader:
        for image, target, detection in zip(inputs, targets, predictor(inputs), strict=True):
            height, width = image.shape[-2:]
            images.append({"id": target.image_id, "height": height, "width": width})
            truth += target.truth
            found += results(target.image_id, detection)
    seconds = time.perf_counter() - started
    parts = [json.loads(part) for part in reduction.gathered(json.dumps([images, truth, found]).encode())]
    images, truth, found = ([each for part in parts for each in part[kind]] for kind in range(3))
    if not images:
        raise UserError("there is no image to evaluate: the split is empty, or every image was unreadable.")
    return DetectionMetrics(
        coco_statistics(images, truth, found, "bbox"),
        coco_statistics(images, truth, found, "segm"),
        len(images),
        len(images) / max(seconds, 1e-9),
    )


def results(image_id: int, detection: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """A detection (see `Detector`) in COCO's result format, with boxes as x, y, width, height and classes from 0."""
    masks = (detection["masks"][:, 0] > MASK_THRESHOLD).byte().cpu().numpy()
    rows = zip(
        detection["boxes"].tolist(), detection["labels"].tolist(), detection["scores"].tolist(), masks, strict=True
    )
    return [
        {
            "image_id": image_id,
            "category_id": label,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": score,
            "segmentation": encode(mask),
        }
        for (x1, y1, x2, y2), label, score, mask in rows
    ]


def coco_statistics(
    images: Sequence[Mapping[str, int]],
    truth: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
    kind: str,
) -> dict[str, float]:
    """The `STATISTICS` of `kind`, "bbox" or "segm"; those of sizes without instances are omitted."""
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise UserError(
            f"COCO's metric needs a package that is not installed ({error}): pip install 'parcnet[downstream]'."
        ) from None
    annotations = [_completed(entry, number) for number, entry in enumerate(truth, 1)]
    if kind == "segm":
        annotations = [entry for entry in annotations if entry.get("segmentation")]
    categories = sorted({entry["category_id"] for entry in (*annotations, *found)})
    part = "bbox" if kind == "bbox" else "segmentation"
    own = [{key: each[key] for key in ("image_id", "category_id", "score", part)} for each in found]
    if not annotations:
        return {}
    own = own or [_unmatched(images[0], annotations[0], part)]  # the metric still has to say which sizes there are
    with redirect_stdout(StringIO()):  # it prints a table
        data = {
            "images": list(images),
            "annotations": annotations,
            "categories": [{"id": n, "name": str(n)} for n in categories],
        }
        ground_truth = COCO(data)
        metric = COCOeval_faster(ground_truth, ground_truth.loadRes(own), kind)
        metric.evaluate()
        metric.accumulate()
        metric.summarize()
    values = dict(zip(STATISTICS, map(float, metric.stats[:12]), strict=True))
    return {name: value for name, value in values.items() if value >= 0 and math.isfinite(value)}


def _unmatched(image: Mapping[str, int], entry: Mapping[str, Any], part: str) -> dict[str, Any]:
    """A detection of nothing, which overlaps no instance: every statistic of a size that occurs is 0 with it."""
    nothing = encode(np.zeros((image["height"], image["width"]), np.uint8))
    shape = [0.0, 0.0, 0.0, 0.0] if part == "bbox" else nothing
    return {"image_id": image["id"], "category_id": entry["category_id"], "score": 0.0, part: shape}


def _completed(entry: Mapping[str, Any], number: int) -> dict[str, Any]:
    """An annotation with the fields that COCO's metric requires: a unique id from 1, area, iscrowd."""
    _, _, width, height = entry["bbox"]
    return {"area": width * height, "iscrowd": 0, **entry, "id": number}
