"""Reads checkpoint files of training scripts without executing code, and finds the weights in them."""

from __future__ import annotations

import argparse
import importlib
import pickle
import re
from collections import Counter, OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy
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
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with torch.serialization.safe_globals(_harmless()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refused(path, error) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
        raise UserError(
            f"{path} cannot be read, it is truncated or no checkpoint: expected tensors by name, as torch.save "
            "writes a state dict"
        ) from error


def _harmless() -> list[Any]:
    """Classes beyond torch's own that training scripts store beside weights, and whose construction runs no code.

    Arguments are namespaces, counters and best scores numpy's numbers, output folders paths. A path of another
    system or Python version becomes a pure one.
    """
    multiarray: Any = importlib.import_module("numpy._core.multiarray")
    numbers = [numpy.dtype(kind) for kind in (*"bBhHiIlLqQefd", "?", "U")]
    pure = {"Posix": PurePosixPath, "Windows": PureWindowsPath}
    return [
        *(argparse.Namespace, OrderedDict, Counter, datetime, timedelta, timezone),
        *(numpy.dtype, numpy.ndarray, *{each.type for each in numbers}, *{type(each) for each in numbers}),
        *((multiarray.scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
        *((multiarray._reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
        *(
            (path, f"{module}.{prefix}{system}Path")
            for system, path in pure.items()
            for module in ("pathlib", "pathlib._local")
            for prefix in ("", "Pure")
        ),
    ]


def _refused(path: Path, error: Exception) -> UserError:
    """The error for a file that torch does not open without running code, with the class that it is about."""
    named = re.search(r"GLOBAL ([\w.]+)", str(error))
    if named is None:
        return UserError(
            f"{path} cannot be read without executing code, or is truncated: expected tensors by name, as torch.save "
            "writes a state dict"
        )
    return UserError(
        f"{path} cannot be read without executing code: it holds a {named[1]}. If you trust the file, load it yourself "
        "with torch.load(path, weights_only=False) and save the weights alone: torch.save(model.state_dict(), path)"
    )


def unwrapped(state_dict: Any) -> dict[str, Tensor]:
    """The innermost mapping of names to tensors, without the prefixes `module.` and `_orig_mod.`."""
    if isinstance(state_dict, Mapping):
        for wrapper in _WRAPPERS:
            if isinstance(state_dict.get(wrapper), Mapping):
                return unwrapped(state_dict[wrapper])
        # the counter of torch's AveragedModel, beside `module.NAME`
        state_dict = {name: value for name, value in state_dict.items() if name != "n_averaged"}
    named = isinstance(state_dict, Mapping) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state_dict.items()
    )
    if not named or not state_dict:
        got = f"an empty {type(state_dict).__name__}" if named else f"a {type(state_dict).__name__} of other values"
        raise UserError(f"no weights here: expected tensors by name, as in a state dict, got {got}")
    return clean_state_dict(dict(state_dict))
