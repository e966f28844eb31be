"""Optimiser state as named tensors and JSON values, which can be saved without pickle."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn, optim

from parcnet.base import UserError

_PLAIN = (bool, int, float, str, type(None))


def pack(optimizer: optim.Optimizer, network: nn.Module) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors named `KEY:PARAMETER`, JSON values of each parameter and each group).

    Raises `UserError` for state other than tensors and plain values.
    """
    state = optimizer.state_dict()
    names = _names(optimizer, network)
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for index, entries in state["state"].items():
        for key, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"{key}:{names[index]}"] = value
            else:
                numbers.setdefault(names[index], {})[key] = _plain(value, key, optimizer)
    groups = [
        {key: _plain(value, key, optimizer) for key, value in group.items() if key not in ("params", "param_names")}
        for group in state["param_groups"]
    ]
    return tensors, {"numbers": numbers, "groups": groups}


def unpack(
    optimizer: optim.Optimizer, network: nn.Module, tensors: Mapping[str, Tensor], values: Mapping[str, Any]
) -> None:
    """Loads packed state into `optimizer`. Raises `UserError` if it belongs to other parameters."""
    names = _names(optimizer, network)
    index = {name: number for number, name in enumerate(names)}
    parameters = dict(network.named_parameters())
    entries: dict[int, dict[str, Any]] = {}
    try:
        for full, value in tensors.items():
            key, name = full.split(":", 1)
            parameter = parameters[name]
            if value.shape == parameter.shape:  # in the parameter's memory format, as the optimiser creates it
                value = torch.empty_like(parameter, dtype=value.dtype, device="cpu").copy_(value)
            entries.setdefault(index[name], {})[key] = value
        for name, numbers in values["numbers"].items():
            entries.setdefault(index[name], {}).update(numbers)
        state = optimizer.state_dict()
        groups = [
            {**current, **{key: _cast_like(current.get(key), value) for key, value in saved.items()}}
            for current, saved in zip(state["param_groups"], values["groups"], strict=True)
        ]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"the optimiser state does not fit this network: {error!r}.") from None
    optimizer.load_state_dict({"state": entries, "param_groups": groups})


def _names(optimizer: optim.Optimizer, network: nn.Module) -> list[str]:
    """Parameter names in the numbering of `state_dict`."""
    name = {id(parameter): each for each, parameter in network.named_parameters()}
    return [name[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]


def _plain(value: Any, key: str, optimizer: optim.Optimizer) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each, key, optimizer) for each in value]
    if isinstance(value, Tensor) and value.ndim == 0:
        return value.item()
    if not isinstance(value, _PLAIN):
        raise UserError(
            f"{type(optimizer).__name__} has state {key!r} of type {type(value).__name__}, which a state file cannot "
            "hold. Use another --opt, e.g. adamw."
        )
    return value


def _cast_like(current: Any, value: Any) -> Any:
    """A JSON value as a tensor or tuple if `current` is one."""
    if isinstance(current, Tensor):
        return torch.as_tensor(value, dtype=current.dtype, device=current.device)
    return tuple(value) if isinstance(current, tuple) else value
