"""What is registered here, counted."""

from dataclasses import dataclass

import timm
import torch

from parcnet.models.complexity import complexity

PAPER_TOP1 = {
    "parcnetv2_xt": 79.4,
    "parcnetv2_tiny": 83.5,
    "parcnetv2_small": 84.3,
    "parcnetv2_base": 84.6,
}
"""ImageNet-1K top-1 in percent as printed in ICCV 2023, Tab. 2: the authors' figures, never ours."""

_MODULES = ("parcnetv2",)


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


def names() -> list[str]:
    """The networks that importing parcnet registers with timm."""
    return [name for module in _MODULES for name in timm.list_models(module=module)]


def catalogue() -> list[Entry]:
    """Every network of ours, smallest first; counted on the meta device, so without computing anything."""
    entries = []
    for name in names():
        with torch.device("meta"):
            model = timm.create_model(name)
        size = model.pretrained_cfg["input_size"]
        counted = complexity(model, size)
        entries.append(Entry(name, counted.params, counted.macs, size, PAPER_TOP1.get(name)))
    return sorted(entries, key=lambda entry: entry.params)
