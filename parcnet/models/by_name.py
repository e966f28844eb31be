"""Builds networks, ours and timm's, by name."""

from typing import Any

import timm
from torch import nn

from parcnet.base import UserError, unknown


def build(name: str, **model_args: Any) -> nn.Module:
    """The network `name`, ours or any of timm's, with initial weights; `model_args` are those of timm.create_model.

    Raises UserError that suggests the nearest names for an unknown one, or names the invalid argument or value.
    """
    if not timm.is_model(name.split(".")[0]):
        remedy = "`parcnet models` lists ours, timm.list_models() all."
        raise unknown("network", name, timm.list_models(), remedy)
    try:
        return timm.create_model(name, **model_args)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} cannot be built with {model_args}: {error}") from error
