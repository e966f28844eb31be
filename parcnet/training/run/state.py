"""Everything a run must remember to go on bit for bit, as the bytes of one safetensors file."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.checkpoint.container import from_bytes, to_bytes
from parcnet.training.run.optimizer_state import pack, unpack
from parcnet.training.loop.progress import Position
from parcnet.training.loop.step import Stepper

FORMAT = 1
"""Raised when an older parcnet could no longer read what we write."""
_KEY = "parcnet.state"
_NETWORK, _AVERAGE, _OPTIMIZER = "network/", "average/", "optimizer/"


def capture(stepper: Stepper, position: Position, described: Mapping[str, Any]) -> bytes:
    """Weights, their average, the optimiser's memory, the loss scale and the position.

    Random numbers and the learning rate need not be kept: they are functions of the step. `described` holds JSON values
    that say what run this is.
    """
    remembered, numbers = pack(stepper.optimizer, stepper.network)
    tensors = _prefixed(_NETWORK, stepper.network.state_dict()) | _prefixed(_OPTIMIZER, remembered)
    if stepper.average is not None:
        tensors |= _prefixed(_AVERAGE, stepper.average.module.state_dict())
    values = {
        "format": FORMAT,
        **described,
        "position": asdict(position),
        "optimizer": numbers,
        "scaler": stepper.scaler.state_dict(),
    }
    return to_bytes(tensors, _KEY, json.dumps(values, allow_nan=False))


def opened(content: bytes, called: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, JSON values) of a training state. `UserError` with its name for damaged and for other files."""
    tensors, text = from_bytes(content, _KEY, called)
    try:
        values = json.loads(text)
        number = values["format"]
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{called} is damaged: it does not say what it is.") from None
    if number != FORMAT:
        raise UserError(f"{called} has format {number!r}, this parcnet reads {FORMAT}: use the parcnet it was made by.")
    return tensors, values


def restore(stepper: Stepper, tensors: Mapping[str, Tensor], values: Mapping[str, Any], called: str) -> Position:
    """Puts everything back into `stepper`, in place. `UserError` with the name `called` when it does not fit."""
    try:
        _load(stepper.network, _part(_NETWORK, tensors))
        if stepper.average is not None:
            _load(stepper.average.module, _part(_AVERAGE, tensors))
        unpack(stepper.optimizer, stepper.network, _part(_OPTIMIZER, tensors), values["optimizer"])
        if values["scaler"]:
            stepper.scaler.load_state_dict(values["scaler"])
        return Position(**values["position"])
    except (KeyError, TypeError, RuntimeError, UserError) as error:
        said = str(error).splitlines()[0]
        raise UserError(f"{called} does not fit this run: {said}") from None


def _load(network: nn.Module, weights: dict[str, Tensor]) -> None:
    network.load_state_dict(weights)


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value for name, value in tensors.items()}


def _part(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
