"""The result of an adaptation."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from parcnet.models.complexity import Complexity


@dataclass(frozen=True, slots=True)
class Change:
    """A module that was replaced."""

    name: str
    before: str
    """The class of the replaced module."""
    after: str
    """The class of its replacement."""


@dataclass(frozen=True, slots=True)
class Adapted:
    """The adapted network and its changes. `print` it for the counts and every change."""

    model: nn.Module
    changed: tuple[Change, ...]
    refused: Mapping[str, str]
    """Modules that match a pattern but were kept, with the reason."""
    before: Complexity
    after: Complexity
    image: tuple[int, int, int]
    """(channels, height, width) of the image on which multiply-adds are counted."""

    def __str__(self) -> str:
        lines = [
            f"parameters {self.before.params / 1e6:.2f}M -> {self.after.params / 1e6:.2f}M, "
            f"MACs {self.before.macs / 1e9:.2f}G -> {self.after.macs / 1e9:.2f}G "
            f"for images of {self.image[1]}x{self.image[2]} px"
        ]
        lines += [f"  {each.name}: {each.before} -> {each.after}" for each in self.changed]
        lines += [f"  {name}: stays, {reason}" for name, reason in self.refused.items()]
        return "\n".join(lines)
