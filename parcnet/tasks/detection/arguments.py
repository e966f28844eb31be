"""Validates the arguments of `build_detector` in a checkpoint: names, types and bounds."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_type_hints

from parcnet.base import UserError
from parcnet.recipes.values import convert
from parcnet.tasks.detection.recipe import DetectionSettings

_NETWORK = ("detector", "box_head", "box_loss", "class_agnostic", "short_side", "long_side", "anchor_scale")
ARGUMENTS = (*_NETWORK, "regions", "score_threshold", "detections", "mask_padding")
"""Recipe fields that `build_detector` takes under the same names."""
_COLOURS = ("mean", "std")
_LARGEST = {"short_side": 8192, "long_side": 8192, "anchor_scale": 100, "regions": 10_000, "detections": 10_000}


def check_detector_arguments(values: Mapping[str, Any]) -> None:
    """Raises `UserError` for unknown arguments, wrong types and values out of range; builds nothing."""
    if unknown := sorted(values.keys() - {*ARGUMENTS, *_COLOURS}):
        raise UserError(f"task_args has {unknown[0]!r}, which no detector takes")
    if "detector" not in values:
        raise UserError("task_args lacks the detector")
    kinds = get_type_hints(DetectionSettings)
    given = {
        name: convert(value, kinds[name], f"task_args.{name}") for name, value in values.items() if name in ARGUMENTS
    }
    try:
        replace(DetectionSettings(), **given)
    except UserError as error:
        raise UserError(f"task_args.{error}") from None
    for name, largest in _LARGEST.items():
        if name in given and given[name] > largest:
            raise UserError(f"task_args.{name} is {given[name]}; expected at most {largest}.")
    for name in _COLOURS:
        convert(values.get(name, (0.0, 0.0, 0.0)), tuple[float, float, float], f"task_args.{name}")
