"""The networks registered here and their complexity."""

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
    """ImageNet-1K top-1 in percent as printed in the paper, if it is."""
    paper_condition: str
    """How that accuracy was reached if not by 300 epochs of the network as built here; else empty."""


def names() -> list[str]:
    """Names of the networks that parcnet registers with timm."""
    return [name for name in timm.list_models() if model_entrypoint(name).__module__.startswith("parcnet.")]


@cache
def entry(name: str) -> Entry:
    """One of our networks, counted on the meta device in about half a second."""
    with torch.device("meta"):
        model = timm.create_model(name)
    size = model.pretrained_cfg["input_size"]
    counted = complexity(model, size)
    return Entry(name, counted.params, counted.macs, size, PAPER_TOP1.get(name), PAPER_CONDITIONS.get(name, ""))


def catalogue() -> list[Entry]:
    """All our networks, smallest first."""
    return sorted(map(entry, names()), key=lambda entry: entry.params)
