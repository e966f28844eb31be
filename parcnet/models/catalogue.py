"""What is registered here, counted."""

from dataclasses import dataclass
from functools import cache

import timm
import torch
from timm.models import model_entrypoint

from parcnet.models.complexity import complexity
from parcnet.models.published import PAPER_CONDITIONS, PAPER_TOP1


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered network."""

    name: str
    params: int
    macs: int
    """Multiply-adds for one image of `input_size`."""
    input_size: tuple[int, int, int]
    """Channels, height and width in px."""
    paper_top1: float | None
    """ImageNet-1K top-1 in percent as the paper prints it, if it does."""
    paper_condition: str
    """What that figure was reached with, where it is not 300 epochs of the network as it is built here; else empty."""


def names() -> list[str]:
    """The networks that importing parcnet registers with timm."""
    return [name for name in timm.list_models() if model_entrypoint(name).__module__.startswith("parcnet.")]


@cache
def entry(name: str) -> Entry:
    """One network of ours, counted on the meta device, so without computing anything; half a second for each."""
    with torch.device("meta"):
        model = timm.create_model(name)
    size = model.pretrained_cfg["input_size"]
    counted = complexity(model, size)
    return Entry(name, counted.params, counted.macs, size, PAPER_TOP1.get(name), PAPER_CONDITIONS.get(name, ""))


def catalogue() -> list[Entry]:
    """Every network of ours, smallest first."""
    return sorted(map(entry, names()), key=lambda entry: entry.params)
