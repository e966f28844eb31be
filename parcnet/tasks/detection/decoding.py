"""What a detection says, for people and files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Found:
    """The objects of one image above a score, the likeliest first."""

    boxes: list[tuple[float, float, float, float]]
    """x1, y1, x2, y2 in px of the image."""
    names: list[str]
    scores: list[float]
    kinds: list[int]
    """Classes, from 0."""
    masks: NDArray[np.bool_]
    """[N, H, W]"""


def found_in(detection: Mapping[str, Tensor], classes: Sequence[str], threshold: float = 0.5) -> Found:
    """A detection of `Detector` above a score; pixels of a probability above a half are an object's."""
    keep = detection["scores"] >= threshold
    labels = detection["labels"][keep].tolist()
    return Found(
        [(x1, y1, x2, y2) for x1, y1, x2, y2 in detection["boxes"][keep].tolist()],
        [classes[label] for label in labels],
        detection["scores"][keep].tolist(),
        labels,
        (detection["masks"][keep, 0] > 0.5).cpu().numpy(),
    )
