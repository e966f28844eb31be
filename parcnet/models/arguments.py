"""Which arguments a network may be built with when a file or a recipe names them."""

import inspect
import re
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import timm
from timm.models import model_entrypoint
from torch import nn

from parcnet.base import UserError, nearest, unknown

REFUSED = frozenset(
    {
        # these open files and connections, or hold weights
        *("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_strict", "pretrained_filter_fn"),
        *("pretrained_model_args", "checkpoint_path", "cache_dir", "pruned"),
        # these say how timm builds and where a network is, which no file decides
        *("features_only", "out_indices", "feature_cfg", "feature_cls", "model_cfg", "kwargs_filter"),
        *("scriptable", "exportable", "no_jit", "device", "dtype", "variant", "cfg", "state_dict", "url"),
    }
)
"""Arguments of timm.create_model that neither a file nor `network.model_args` of a recipe may name."""

_SHARED = (
    *("num_classes", "in_chans", "img_size", "global_pool", "drop_rate", "drop_path_rate", "act_layer", "norm_layer"),
    *("bn_eps", "bn_momentum", "drop_connect_rate"),
)
"""Arguments that timm reads from keywords which no signature shows."""

LARGEST = {"num_classes": 1_000_000, "in_chans": 64, "img_size": 8192}
"""Largest value of these arguments."""
_LARGEST_NUMBER = 65_536
_MOST_BLOCKS = 1024
"""Of a network's depths, layers, blocks and repeats together."""
_COUNTS_BLOCKS = re.compile(r"^depths?$|^layers$|num_blocks|^blocks$|repeats?$|num_layers")
_WORD = re.compile(r"[A-Za-z0-9_.+ -]{0,64}")
_LEVELS, _ITEMS = 3, 64


def check_model_arguments(name: str, arguments: Mapping[str, Any], called: str) -> None:
    """Raises `UserError` unless `arguments` of timm.create_model fit the network `name` and its bounds.

    An argument is known if a constructor of the network's own module has it; values are words, numbers, and short lists
    and mappings of these. `called` says whose arguments they are, for messages.
    """
    if not timm.is_model(name.split(".")[0]):
        raise unknown("network", name, timm.list_models(), f"It is that of {called}.")
    known = _known(name.split(".")[0])
    for key, value in arguments.items():
        if key in REFUSED:
            raise UserError(
                f"{called}: {key} is not an argument of the network itself, so it is never passed on: leave it out. "
                "Weights come from a checkpoint."
            )
        if key not in known:
            guesses = nearest(key, known)
            hint = f" Did you mean {' or '.join(guesses)}?" if guesses else ""
            raise UserError(f"{called}: {name} has no argument {key[:80]!r}.{hint}")
        if reason := _excess(key, value):
            raise UserError(f"{called}: {key} is {_shown(value)}; expected {reason}.")


@cache
def _known(name: str) -> frozenset[str]:
    """Parameters of the entry point, of its module's private builders, and of the constructors that these call."""
    entry = model_entrypoint(name)
    module = sys.modules[entry.__module__]
    constructors = [
        base.__init__
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, nn.Module)
        for base in each.__mro__
        if base is not nn.Module and issubclass(base, nn.Module)
    ]
    builders = [
        each
        for key, each in vars(module).items()
        if inspect.isfunction(each) and key.startswith(("_create", "_gen")) and each.__module__ == module.__name__
    ]
    named = {
        parameter.name
        for each in (entry, *constructors, *builders)
        for parameter in inspect.signature(each).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    return frozenset((named | {*_SHARED}) - REFUSED - {"self", "args", "kwargs"})


def _excess(key: str, value: Any, level: int = 0) -> str | None:
    """What was expected instead of `value`; None where it is within bounds."""
    if level > _LEVELS:
        return f"at most {_LEVELS} levels of lists"
    if value is None or isinstance(value, bool):
        return "a whole number" if key in LARGEST and isinstance(value, bool) else None
    if isinstance(value, str):
        return None if _WORD.fullmatch(value) and key not in LARGEST else "a word, or numbers"
    if isinstance(value, int | float):
        largest = LARGEST.get(key, _LARGEST_NUMBER)
        if key in LARGEST and not (isinstance(value, int) and value >= (0 if key == "num_classes" else 1)):
            return f"a whole number from {0 if key == 'num_classes' else 1} to {largest}"
        if not abs(value) <= largest:  # NaN too
            return f"a number of at most {largest}"
        if _COUNTS_BLOCKS.search(key) and value > _MOST_BLOCKS:
            return f"at most {_MOST_BLOCKS} blocks"
        return None
    if isinstance(value, list | tuple | dict) and len(value) <= _ITEMS:
        parts = list(value.values()) if isinstance(value, dict) else list(value)
        if isinstance(value, dict) and not all(isinstance(name, str) and name.isidentifier() for name in value):
            return "names as keys"
        numbers = [each for each in parts if isinstance(each, int)]
        if _COUNTS_BLOCKS.search(key) and sum(numbers) > _MOST_BLOCKS:
            return f"at most {_MOST_BLOCKS} blocks in all"
        return next((reason for each in parts if (reason := _excess(key, each, level + 1))), None)
    return f"a word, a number, or a list of at most {_ITEMS} of them"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
