"""Decodes and encodes masks in COCO's formats, polygons and run lengths, through faster-coco-eval."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parcnet.base import UserError

_EXTRA = "pip install 'parcnet[downstream]'"


def decode(segmentation: Any, height: int, width: int) -> Tensor:
    """Polygons or run lengths (compressed or not) of one instance in an image of this size -> uint8 [H, W] of 0, 1.

    Raises ValueError for other formats and for run lengths of another size.
    """
    mask = _library()
    try:
        if isinstance(segmentation, dict):
            if list(segmentation["size"]) != [height, width]:
                raise ValueError(f"run lengths for {segmentation['size']}, expected {[height, width]}")
            runs = segmentation if isinstance(segmentation["counts"], (str, bytes)) else None
            encoded = mask.frPyObjects(segmentation, height, width) if runs is None else runs
        else:
            usable = [polygon for polygon in segmentation if len(polygon) >= 6]
            if not usable:
                return torch.zeros(height, width, dtype=torch.uint8)
            encoded = mask.merge(mask.frPyObjects(usable, height, width))
        return torch.from_numpy(np.ascontiguousarray(mask.decode(encoded)))
    except (KeyError, TypeError, IndexError, RuntimeError) as error:
        raise ValueError(f"neither polygons nor run lengths ({error})") from error


def encode(mask: NDArray[np.uint8]) -> dict[str, Any]:
    """uint8 [H, W] of 0, 1 -> compressed run lengths as JSON values."""
    runs = _library().encode(np.asfortranarray(mask))
    counts = runs["counts"]
    return {"size": list(runs["size"]), "counts": counts.decode() if isinstance(counts, bytes) else counts}


def _library() -> Any:
    try:
        from faster_coco_eval.core import mask
    except ImportError as error:
        raise UserError(f"COCO data need a package that is not installed ({error}): {_EXTRA}.") from None
    return mask
