"""Reads checkpoint files of training scripts without executing code, and finds the weights in them."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from timm.models import clean_state_dict
from torch import Tensor

from parcnet.base import UserError

# keys under which training scripts store weights; averaged weights first
_WRAPPERS = ("state_dict_ema", "model_ema", "ema_state_dict", "state_dict", "model_state_dict", "model")


def read(path: Path) -> Mapping[str, Any]:
    """The contents of the file (.pth, .pth.tar, .safetensors). Raises UserError if it cannot be read safely."""
    if not path.is_file():
        raise UserError(
            f"there is no file {path}: expected a checkpoint of the authors' code (.pth, .pth.tar, .safetensors)"
        )
    harmless: list[Any] = [argparse.Namespace]  # the type in which training scripts store their arguments
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with torch.serialization.safe_globals(harmless):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, safetensors.SafetensorError) as error:
        raise UserError(
            f"{path} cannot be read without executing code, or is truncated: expected tensors by name, as torch.save "
            "writes a state dict"
        ) from error


def unwrapped(state_dict: Any) -> dict[str, Tensor]:
    """The innermost mapping of names to tensors, without the prefixes `module.` and `_orig_mod.`."""
    if isinstance(state_dict, Mapping):
        for wrapper in _WRAPPERS:
            if isinstance(state_dict.get(wrapper), Mapping):
                return unwrapped(state_dict[wrapper])
    named = isinstance(state_dict, Mapping) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state_dict.items()
    )
    if not named or not state_dict:
        got = f"an empty {type(state_dict).__name__}" if named else f"a {type(state_dict).__name__} of other values"
        raise UserError(f"no weights here: expected tensors by name, as in a state dict, got {got}")
    return clean_state_dict(dict(state_dict))
