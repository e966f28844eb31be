"""YAML values against the types of recipe fields: the exact value or an error, never a guess."""

import reprlib
import types
import typing
from typing import Any

from parcnet.base.errors import UserError

_UNIONS = (types.UnionType, typing.Union)  # `Literal[...] | None` makes the older one
_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    type(None): "null",
}
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict = 3, 4, 4
_SHORT.maxstring = _SHORT.maxother = 200
_SHORT.maxlong = 60


def convert(value: Any, wanted: Any, where: str) -> Any:
    """`value` as type `wanted`: int, float, str, None, Literal, tuple of fixed length, or a union of these.

    A whole number serves as a float, a list as a tuple; nothing else changes type, so that `seed: 1.5` or
    `hflip: yes` is an error. `where` names the key in the message. Raises `UserError`.
    """
    found, result = _fit(value, wanted)
    if not found:
        raise UserError(f"{where} is {shown(value)}; expected {in_words(wanted)}.")
    return result


def shown(value: Any) -> str:
    """A value as an error message quotes it: cut short, since a few lines of YAML can mean billions of items."""
    return _SHORT.repr(value)


def in_words(wanted: Any) -> str:
    """A type of a recipe field as a person would say it, e.g. 'a number or null'."""
    arguments = typing.get_args(wanted)
    if typing.get_origin(wanted) is typing.Literal:
        return " or ".join(map(repr, arguments))
    if typing.get_origin(wanted) in _UNIONS:
        return " or ".join(map(in_words, arguments))
    if typing.get_origin(wanted) is tuple:
        return f"a list of {len(arguments)}: " + ", ".join(map(in_words, arguments))
    return _WORDS[wanted]


def _fit(value: Any, wanted: Any) -> tuple[bool, Any]:
    """(does it fit, the value as that type)."""
    arguments = typing.get_args(wanted)
    if typing.get_origin(wanted) is typing.Literal:
        return value in arguments, value
    if typing.get_origin(wanted) in _UNIONS:
        fits = [result for found, result in (_fit(value, each) for each in arguments) if found]
        return bool(fits), fits[0] if fits else None
    if typing.get_origin(wanted) is tuple:
        if not isinstance(value, list | tuple) or len(value) != len(arguments):
            return False, None
        parts = [_fit(each, kind) for each, kind in zip(value, arguments, strict=True)]
        return all(found for found, _ in parts), tuple(result for _, result in parts)
    if wanted is float and type(value) is int:
        return True, float(value)
    return type(value) is wanted, value  # not isinstance: True is no number here
