"""What the converters have in common: one network's names there and here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from parcnet.models.staged import StagedNetwork


@dataclass(frozen=True, slots=True)
class Family:
    """The checkpoints of one network of the authors.

    network     the class that takes its weights; messages call it by its `authors_name`
    renames     (pattern of the whole key there, template of the name here); the first that matches counts
    reshaped    (name here, tensor there) -> tensor here
    twice       pattern of keys under which a tensor is stored a second time
    """

    network: type[StagedNetwork]
    renames: tuple[tuple[str, str], ...]
    reshaped: Callable[[str, Tensor], Tensor]
    twice: str | None = None

    def convert(self, theirs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
        """The weights under our names, and the keys that are none of this family's."""
        ours: dict[str, Tensor] = {}
        unknown = []
        for key, tensor in theirs.items():
            if self.twice is not None and re.fullmatch(self.twice, key):
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
