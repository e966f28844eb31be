"""Converts and loads checkpoints of the authors' code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.models.fitting import fit_checkpoint, load_exactly
from parcnet.models.official import FAMILIES, Family, read, unwrapped


def convert(state_dict: Mapping[str, Any]) -> dict[str, Tensor]:
    """Weights of the authors' networks (plain, or wrapped as `state_dict`, EMA, `module.`) under our names.

    The keys identify the network: ParCNetV2, ParC-ConvNeXt or ParC-Net.

    Raises UserError naming the unknown keys.
    """
    return _recognised(state_dict)[1]


def load_official_weights(model: nn.Module, source: str | Path | Mapping[str, Any]) -> None:
    """Load the authors' checkpoint, a path (.pth, .pth.tar, .safetensors) or a state dict, into our network.

    Files are read without executing code. Kernels and embeddings are resized if `model` was built for another image
    size. Raises UserError naming the keys that are missing, unexpected or of another shape, or the network to which the
    weights belong, and TypeError for a network that the authors do not have; the model is then unchanged.
    """
    if not isinstance(model, tuple(family.network for family in FAMILIES)):
        known = ", ".join(family.network.__name__ for family in FAMILIES)
        raise TypeError(f"the authors' weights are those of {known}, got a {type(model).__name__} to load them into")
    family, weights = _recognised(source if isinstance(source, Mapping) else read(Path(source)))
    if not isinstance(model, family.network):
        raise UserError(
            f"these are weights of the authors' {family.network.authors_name}, which is a "
            f"{family.network.__name__} here, got a {type(model).__name__} to load them into"
        )
    load_exactly(model, fit_checkpoint(weights, model), "the official weights")


def _recognised(state_dict: Mapping[str, Any]) -> tuple[Family, dict[str, Tensor]]:
    """The family with the fewest unknown keys, which must be zero, and the weights under our names."""
    theirs = unwrapped(state_dict)
    attempts = [(family, *family.convert(theirs)) for family in FAMILIES]
    family, ours, unknown = min(attempts, key=lambda attempt: len(attempt[2]))
    if unknown:
        raise UserError(
            f"these are not weights of the authors' {family.network.authors_name}: {len(unknown)} of "
            f"{len(theirs)} keys are unknown, such as {', '.join(unknown[:5])}. "
            "parcnet.load(path) loads checkpoints of parcnet itself"
        )
    return family, ours
