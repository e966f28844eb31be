"""An optimiser's memory as named tensors and JSON values, so that it can be kept without pickling anything."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn, optim

from parcnet.base import UserError

_PLAIN = (bool, int, float, str, type(None))


def pack(optimizer: optim.Optimizer, network: nn.Module) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors by `KEY:PARAMETER`, JSON values: numbers of each parameter and of each group).

    Raises `UserError` for an optimiser that remembers anything else than tensors and plain values.
    """
    state = optimizer.state_dict()
    names = _names(optimizer, network)
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for index, remembered in state["state"].items():
        for key, value in remembered.items():
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
    """The inverse of `pack`, in place. Raises `UserError` when it was packed from other parameters."""
    names = _names(optimizer, network)
    index = {name: position for position, name in enumerate(names)}
    parameters = dict(network.named_parameters())
    remembered: dict[int, dict[str, Any]] = {}
    try:
        for full, value in tensors.items():
            key, name = full.split(":", 1)
            parameter = parameters[name]
            # laid out in memory as its parameter, as the optimiser would have made it
            alike = (
                torch.empty_like(parameter, dtype=value.dtype, device="cpu").copy_(value)
                if (value.shape == parameter.shape)
                else value
            )
            remembered.setdefault(index[name], {})[key] = alike
        for name, numbers in values["numbers"].items():
            remembered.setdefault(index[name], {}).update(numbers)
        state = optimizer.state_dict()
        groups = [
            {**now, **{key: _as(now.get(key), value) for key, value in then.items()}}
            for now, then in zip(state["param_groups"], values["groups"], strict=True)
        ]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"the optimiser's memory does not fit this network: {error!r}.") from None
    optimizer.load_state_dict({"state": remembered, "param_groups": groups})


def _names(optimizer: optim.Optimizer, network: nn.Module) -> list[str]:
    """Parameter names in the order in which `state_dict` numbers them."""
    name = {id(parameter): each for each, parameter in network.named_parameters()}
    return [name[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]


def _plain(value: Any, key: str, optimizer: optim.Optimizer) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each, key, optimizer) for each in value]
    if isinstance(value, Tensor) and value.ndim == 0:
        return value.item()
    if not isinstance(value, _PLAIN):
        raise UserError(
            f"{type(optimizer).__name__} remembers {key!r} as {type(value).__name__}, which a training state cannot "
            "hold. Use another --opt, e.g. adamw."
        )
    return value


def _as(now: Any, value: Any) -> Any:
    """A list of JSON as the tuple it was, a number as the tensor it was."""
    if isinstance(now, Tensor):
        return torch.as_tensor(value, dtype=now.dtype, device=now.device)
    return tuple(value) if isinstance(now, tuple) else value
