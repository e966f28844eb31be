"""Training states: everything that a run needs to resume bit-identically, in one safetensors file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from parcnet.base import UserError
from parcnet.base.untrusted import parse_json
from parcnet.checkpoint.container import from_bytes, to_bytes
from parcnet.training.loop.progress import Progress
from parcnet.training.loop.step import Stepper
from parcnet.training.run.optimizer_state import pack, unpack
from parcnet.training.run.state_values import check_state_values

FORMAT = 1
"""Format version, incremented when older versions of parcnet can no longer read the file."""
_KEY = "parcnet.state"
_NETWORK, _AVERAGE, _OPTIMIZER = "network/", "average/", "optimizer/"


@dataclass(frozen=True, slots=True)
class TrainingState:
    """A parsed and verified state file."""

    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]
    """JSON values: identity of the run, progress, scalars of the optimiser."""
    content: bytes
    """The bytes of the file."""
    source: str
    """Path of the file, for messages."""


def capture(stepper: Stepper, progress: Progress, identity: Mapping[str, Any]) -> bytes:
    """A state file with weights, their average, optimiser state, loss scale and progress.

    Random states and the learning rate are functions of the step and need not be stored. `identity` holds JSON values
    that identify the run.
    """
    optimizer_tensors, numbers = pack(stepper.optimizer, stepper.network)
    tensors = _prefixed(_NETWORK, stepper.network.state_dict()) | _prefixed(_OPTIMIZER, optimizer_tensors)
    if stepper.average is not None:
        tensors |= _prefixed(_AVERAGE, stepper.average.module.state_dict())
    values = {
        "format": FORMAT,
        **identity,
        "position": asdict(progress),
        "optimizer": numbers,
        "scaler": stepper.scaler.state_dict(),
    }
    return to_bytes(tensors, _KEY, json.dumps(values, allow_nan=False))


def parse_state(content: bytes, source: str) -> TrainingState:
    """Parses the bytes of a state file. Raises `UserError` naming `source` for damaged and other files."""
    tensors, text = from_bytes(content, _KEY, source)
    try:
        values = parse_json(text)
        version = values["format"]
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{source} is damaged: its metadata cannot be read ({error}).") from None
    if version != FORMAT:
        raise UserError(f"{source} has format {version!r}; expected {FORMAT}. Use the parcnet that wrote it.")
    check_state_values(values, source)
    return TrainingState(tensors, values, content, source)


def restore(stepper: Stepper, state: TrainingState) -> Progress:
    """Loads the state into `stepper`. Raises `UserError` naming the file if it does not fit."""
    try:
        stepper.network.load_state_dict(_part(_NETWORK, state.tensors))
        if stepper.average is not None:
            stepper.average.module.load_state_dict(_part(_AVERAGE, state.tensors))
        unpack(stepper.optimizer, stepper.network, _part(_OPTIMIZER, state.tensors), state.values["optimizer"])
        if state.values["scaler"]:
            stepper.scaler.load_state_dict(state.values["scaler"])
        return Progress(**state.values["position"])
    except (KeyError, TypeError, RuntimeError, UserError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{state.source} does not fit this run: {reason}") from None


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value for name, value in tensors.items()}


def _part(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
