"""YAML for recipes: `4e-3` is a number, and a duplicate key is an error."""

import re
from typing import Any

import yaml

from parcnet.base.errors import UserError
from parcnet.recipes.values import shortened


class _Loader(yaml.SafeLoader):
    """Reads YAML 1.2 floats and rejects duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} appears twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


# YAML 1.1 reads 4e-3 as text because it has no dot
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


class _Dumper(yaml.SafeDumper):
    """Writes tuples as `[a, b]`."""


_Dumper.add_representer(
    tuple, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)
)


def parse(text: str, where: str) -> dict[str, Any]:
    """The mapping in a YAML text; {} for an empty text. Raises `UserError` with file, line and reason."""
    try:
        value = yaml.load(text, Loader=_Loader)
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        RecursionError,
    ) as error:  # impossible dates, unhashable keys, deep nesting
        raise UserError(f"{where} is not valid YAML: {' '.join(str(error).split())}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{where} holds {type(value).__name__} {shortened(value)}; expected `section:` blocks.")
    return value


def arguments(text: str, where: str) -> dict[str, Any]:
    """Keyword arguments written as a YAML mapping; {} for an empty text. Raises `UserError` for anything else."""
    values = parse(text, where)
    if wrong := [key for key in values if not isinstance(key, str) or not key.isidentifier()]:
        raise UserError(f"{where} has {wrong[0]!r} as an argument name; expected e.g. {{depths: [1, 1, 2, 1]}}.")
    return values


def render(value: dict[str, Any]) -> str:
    """YAML text that `parse` reads back to an equal value, with tuples as lists."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
