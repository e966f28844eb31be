"""Validation of recipe values."""

from typing import Any

from parcnet.base.errors import UserError
from parcnet.recipes.values import shortened


def expect(holds: bool, name: str, value: Any, expected: str) -> None:
    """Raises `UserError` naming the field, its value and what was expected, unless `holds`."""
    if not holds:
        raise UserError(f"{name} is {shortened(value)}; expected {expected}.")
