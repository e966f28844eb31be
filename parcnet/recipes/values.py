"""Conversion of YAML values to the types of recipe fields, without guessing."""

import reprlib
import types
import typing
from typing import Any

from parcnet.base.errors import UserError

_UNIONS = (types.UnionType, typing.Union)  # `Literal[...] | None` is a typing.Union
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


def convert(value: Any, kind: Any, where: str) -> Any:
    """`value` as type `kind`: int, float, str, None, Literal, tuple of fixed length, or a union of these.

    Whole numbers convert to floats and lists to tuples; nothing else is converted, so that `seed: 1.5` or
    `hflip: yes` is an error. `where` names the key in the message. Raises `UserError`.
    """
    valid, result = _convert(value, kind)
    if not valid:
        raise UserError(f"{where} is {shortened(value)}; expected {describe_type(kind)}.")
    return result


def shortened(value: Any) -> str:
    """A value as quoted in error messages: truncated, since a few lines of YAML can expand to billions of items."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # Python prints no number of more than 4300 digits
        return f"a {type(value).__name__} too long to print"


def describe_type(kind: Any) -> str:
    """The type of a recipe field in words, e.g. 'a number or null'."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(map(repr, arguments))
    if typing.get_origin(kind) in _UNIONS:
        return " or ".join(map(describe_type, arguments))
    if typing.get_origin(kind) is tuple:
        return f"a list of {len(arguments)}: " + ", ".join(map(describe_type, arguments))
    return _WORDS[kind]


def _convert(value: Any, kind: Any) -> tuple[bool, Any]:
    """(whether the value has the type, the value as that type)."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is typing.Literal:
        return value in arguments, value
    if typing.get_origin(kind) in _UNIONS:
        fits = [result for valid, result in (_convert(value, each) for each in arguments) if valid]
        return bool(fits), fits[0] if fits else None
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple) or len(value) != len(arguments):
            return False, None
        parts = [_convert(each, part) for each, part in zip(value, arguments, strict=True)]
        return all(valid for valid, _ in parts), tuple(result for _, result in parts)
    if kind is float and type(value) is int:
        try:
            return True, float(value)
        except OverflowError:  # no field's range includes it
            return True, value
    return type(value) is kind, value  # not isinstance: True would pass as an int
