"""YAML for recipes: `4e-3` is a number, and a duplicate key is an error.

Length, depth, texts and the expansion of aliases are bounded before any value is built: a few lines of aliases can
stand for billions of values.
"""

import re
from typing import Any

import yaml

from parcnet.base.errors import UserError
from parcnet.base.untrusted import DEPTH, TEXT
from parcnet.recipes.values import shortened

LENGTH = 100_000
"""Longest YAML text, characters: under a second of parsing."""
VALUES = 5_000
"""Most values and keys in a YAML text, aliases expanded."""
_MANY = f"it holds more than {VALUES} values, aliases expanded"
_MESSAGE = 500
"""Longest quoted message of the parser, which repeats whole tokens, characters."""


class _Loader(yaml.SafeLoader):
    """Reads YAML 1.2 floats, rejects duplicate keys and bounds what it builds."""

    def fetch_flow_collection_start(self, TokenClass: type[yaml.Token]) -> None:  # PyYAML's name
        self._check_depth()  # in the scanner, whose time is quadratic in the depth
        super().fetch_flow_collection_start(TokenClass)

    def add_indent(self, column: int) -> bool:
        self._check_depth()
        return super().add_indent(column)

    def _check_depth(self) -> None:
        if self.flow_level + len(self.indents) > DEPTH:
            raise yaml.scanner.ScannerError(None, None, f"it is nested deeper than {DEPTH} levels", self.get_mark())

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._composed = getattr(self, "_composed", 0) + 1
        if self._composed > VALUES:
            raise yaml.composer.ComposerError(None, None, _MANY, self.get_mark())
        return super().compose_node(parent, index)

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _expanded(node, {}, 0)
        return node

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


def _expanded(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """The number of values and keys below a node with its aliases expanded, itself included; `known` has those counted.

    Raises yaml.YAMLError for more than `VALUES`, for nesting deeper than `DEPTH`, and for texts longer than `TEXT`.
    """
    if id(node) in known:
        return known[id(node)]
    count = 1
    reason = None
    if isinstance(node, yaml.ScalarNode):
        if len(node.value) > TEXT:
            reason = f"it holds a text of {len(node.value)} characters; expected at most {TEXT}"
    elif depth > DEPTH:  # a node within itself
        reason = f"it is nested deeper than {DEPTH} levels"
    else:
        pairs = isinstance(node, yaml.MappingNode)
        for each in (part for pair in node.value for part in pair) if pairs else node.value:
            count += _expanded(each, known, depth + 1)
            if count > VALUES:
                reason = _MANY
                break
    if reason is not None:
        raise yaml.composer.ComposerError(None, None, reason, node.start_mark)
    known[id(node)] = count
    return count


def parse(text: str, where: str) -> dict[str, Any]:
    """The mapping in a YAML text; {} for an empty text. Raises `UserError` with file, line and reason."""
    if len(text) > LENGTH:
        raise UserError(f"{where} has {len(text)} characters; expected a recipe of at most {LENGTH}.")
    try:
        value = yaml.load(text, Loader=_Loader)
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        OverflowError,
    ) as error:  # impossible dates, unhashable keys, huge sexagesimal numbers
        reason = " ".join(str(error).split())
        raise UserError(
            f"{where} is not valid YAML: {reason if len(reason) <= _MESSAGE else reason[:_MESSAGE] + '...'}"
        ) from None
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
