"""The interface of the converters: the parameter names of one network, theirs and ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from parcnet.models.staged import StagedNetwork


@dataclass(frozen=True, slots=True)
class Family:
    """The checkpoints of one network of the authors.

    network     the class that loads its weights; messages use its `authors_name`
    renames     (pattern of their full key, template of our name); the first match applies
    reshaped    (our name, their tensor) -> our tensor
    duplicates  pattern of keys under which a tensor is stored a second time
    """

    network: type[StagedNetwork]
    renames: tuple[tuple[str, str], ...]
    reshaped: Callable[[str, Tensor], Tensor]
    duplicates: str | None = None

    def convert(self, theirs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
        """The weights under our names, and the keys that this family does not have."""
        ours: dict[str, Tensor] = {}
        unknown = []
        for key, tensor in theirs.items():
            if self.duplicates is not None and re.fullmatch(self.duplicates, key):
                continue
            name = self._renamed(key)
            if name is None:
                unknown.append(key)
            else:
                ours[name] = self.reshaped(name, tensor)
        return ours, unknown

    def _renamed(self, key: str) -> str | None:
        for pattern, template in self.renames:
            match = re.fullmatch(pattern, key)
            if match:
                return match.expand(template)
        return None
