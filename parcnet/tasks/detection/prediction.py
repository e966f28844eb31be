"""The detected objects of an image, as text and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from parcnet.tasks.detection.coco import encode

SHOWN_SCORE = 0.5
"""Detections below this score count in AP but are neither printed nor drawn."""


@dataclass(frozen=True, slots=True)
class DetectedObjects:
    """The objects of one image, in descending order of the score."""

    boxes: list[tuple[float, float, float, float]]
    """x1, y1, x2, y2 in px of the image."""
    names: list[str]
    scores: list[float]
    labels: list[int]
    """Classes, from 0."""
    masks: NDArray[np.bool_]
    """[N, H, W]"""

    def lines(self) -> list[str]:
        rows = zip(self.names, self.scores, self.boxes, strict=True)
        lines = [
            f"{score:7.2%}  {name}  x {x1:.0f} to {x2:.0f}, y {y1:.0f} to {y2:.0f} px"
            for name, score, (x1, y1, x2, y2) in rows
        ]
        return lines or [f"no objects with a score of {SHOWN_SCORE:.0%} or more"]

    def to_dict(self) -> dict[str, Any]:
        """JSON values, with masks as COCO's run lengths."""
        rows = zip(self.names, self.scores, self.boxes, self.masks, strict=True)
        return {
            "found": [
                {"class": name, "score": score, "box": list(box), "mask": encode(mask.astype(np.uint8))}
                for name, score, box, mask in rows
            ]
        }


def detected_objects(
    detection: Mapping[str, Tensor], classes: Sequence[str], threshold: float = SHOWN_SCORE
) -> DetectedObjects:
    """The objects of a `Detector`'s detection with at least this score; masks are thresholded at probability 0.5."""
    keep = detection["scores"] >= threshold
    labels = detection["labels"][keep].tolist()
    return DetectedObjects(
        [(x1, y1, x2, y2) for x1, y1, x2, y2 in detection["boxes"][keep].tolist()],
        [classes[label] for label in labels],
        detection["scores"][keep].tolist(),
        labels,
        (detection["masks"][keep, 0] > 0.5).cpu().numpy(),
    )
