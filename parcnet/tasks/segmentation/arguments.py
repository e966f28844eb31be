"""Validates the arguments of a segmenter in a checkpoint: names, types and bounds."""

from collections.abc import Mapping
from typing import Any

from parcnet.base import UserError
from parcnet.recipes.values import convert
from parcnet.tasks.segmentation.sliding_inference import InferenceSettings

_DECODER: dict[str, Any] = {"channels": int, "auxiliary_channels": int | None, "dropout": float}
_LARGEST = {"channels": 8192, "auxiliary_channels": 8192, "dropout": 0.999}


def check_segmenter_arguments(values: Mapping[str, Any]) -> None:
    """Raises `UserError` for unknown or missing arguments, wrong types and values out of range; builds nothing."""
    if wrong := sorted(values.keys() ^ {"decoder", "looks", "reduce_zero_label"}):
        raise UserError(f"task_args of a segmenter lacks, or has too much: {', '.join(wrong)}")
    convert(values["reduce_zero_label"], bool, "task_args.reduce_zero_label")
    decoder, looks = values["decoder"], values["looks"]
    if not isinstance(decoder, dict) or not isinstance(looks, dict) or (wrong := sorted(decoder.keys() - _DECODER)):
        raise UserError(f"task_args.decoder is {decoder!r}; expected {', '.join(_DECODER)}")
    for name, value in decoder.items():
        number = convert(value, _DECODER[name], f"task_args.decoder.{name}")
        least = 0 if name == "dropout" else 1
        if number is not None and not least <= number <= _LARGEST[name]:
            raise UserError(f"task_args.decoder.{name} is {number}; expected {least} to {_LARGEST[name]}.")
    try:
        InferenceSettings.from_dict(looks)
    except TypeError as error:
        raise UserError(f"task_args.looks cannot be used: {error}") from None
