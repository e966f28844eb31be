"""The range of each number among the flags, one for all commands; the recipe states those of its own fields."""

import typing
from dataclasses import fields, is_dataclass
from typing import Any

_COUNT = 10**9
_PIXELS = 16_384
"""Largest side of an image; recipes have the same bound."""

RANGES: dict[str, tuple[float, float, str]] = {
    "batch": (1, 10_000, "images"),
    "batch_size": (1, 10**6, "images"),
    "channels": (1, 65_536, "channels"),
    "epochs": (1, 10**6, "epochs"),
    "first": (0, _COUNT, ""),
    "folds": (1, _COUNT, "folds"),
    "height": (1, _PIXELS, "px"),
    "images": (1, _COUNT, "image"),
    "img_size": (1, _PIXELS, "px"),
    "k": (1, 10**6, "classes or images"),
    "kills": (0, 10**6, "kills"),
    "largest": (0, 1e9, ""),
    "limit": (1, 10**6, "image"),
    "max_bad_images": (0, _COUNT, "images"),
    "only": (0, _COUNT, ""),
    "passes": (1, 10**6, "passes"),
    "probes": (1, _COUNT, "image"),
    "processes": (1, 1024, "processes"),
    "queries": (1, 1000, "rows"),
    "repeats": (1, 10**6, "repeats"),
    "rounds": (1, 10**6, "rounds"),
    "save_every": (1, _COUNT, "steps"),
    "seconds": (0, 86_400, "seconds"),
    "seed": (0, 2**63 - 1, ""),
    "seeds": (1, 10_000, "seeds"),
    "shard_size": (0, 1e6, "MB"),
    "shift": (1, _PIXELS, "px"),
    "size": (1, _PIXELS, "px"),
    "strength": (1e-9, 1e9, ""),
    "threads": (1, 1024, "threads"),
    "threads_of": (1, 1024, "threads"),
    "threshold": (1e-9, 1e9, ""),
    "tolerance": (0, 1e6, ""),
    "width": (1, _PIXELS, "px"),
    "workers": (0, 512, "processes"),
}
"""Field of a command's options -> (lowest, highest, unit)."""


def check_ranges(options: Any) -> None:
    """Raises `UserError` for a number among the options, or in a tuple of them, that is out of range; NaN always is."""
    if not is_dataclass(options):
        return
    for field in fields(options):
        value = getattr(options, field.name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, bool) or not isinstance(each, int | float):
                continue
            lowest, highest, unit = RANGES[field.name]
            if not lowest <= each <= highest:
                from parcnet.base import UserError  # here, because the library takes seconds to load

                bounds = f"{f'at least {lowest:g}' if lowest else '0 or more'} and at most {highest:,} {unit}".rstrip()
                raise UserError(f"{_flag(type(options), field.name)} is {_short(each)}; expected {bounds}.")


def _flag(kind: type, name: str) -> str:
    """The flag of a field as it is usually written: its alias if it has one."""
    stated = getattr(typing.get_type_hints(kind, include_extras=True)[name], "__metadata__", ())
    aliases = next((each.aliases for each in stated if getattr(each, "aliases", None)), None)
    return str(aliases[0]) if aliases else f"--{name.replace('_', '-')}"


def _short(number: float) -> str:
    text = str(number)
    return text if len(text) <= 40 else f"{text[:20]}... ({len(text)} digits)"
