"""What can be exported: a checkpoint, a registered name, or any module."""

import dataclasses
from pathlib import Path
from typing import Any

import timm
from torch import nn

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.models import build
from parcnet.tasks.loading import from_checkpoint

_STRIDE = 32
"""Detectors pad their images to multiples of it, px."""


def opened(subject: str | Path | nn.Module) -> tuple[nn.Module, Metadata]:
    """The network and what is known of it.

    A path is a checkpoint or a run folder; any other text the name of a registered network, with fresh weights of seed
    0, for measuring; a module is taken as it is, its preprocessing from timm's configuration where it has one. Raises
    `UserError` for text that is neither.
    """
    if isinstance(subject, nn.Module):
        return subject, _described(subject, type(subject).__name__, {})
    if Path(subject).exists():
        return from_checkpoint(subject)
    name = str(subject)
    if Path(name).suffix in (".safetensors", ".pth", ".pt") or len(Path(name).parts) > 1:
        return from_checkpoint(name)  # says what is not there
    import torch

    torch.manual_seed(0)
    network = build(name)
    return network.eval(), _described(network, name, {})


def for_size(metadata: Metadata, size: tuple[int, int]) -> Metadata:
    """The metadata with the preprocessing for images of `size` (H, W) px."""
    preprocessing = dataclasses.replace(Preprocessing.from_dict(metadata.preprocessing), size=size)
    return dataclasses.replace(metadata, preprocessing=preprocessing.to_dict())


def usual_size(metadata: Metadata) -> tuple[int, int]:
    """(H, W) in px that the network was made for; of a detector, whose images differ, the largest in landscape."""
    height, width = Preprocessing.from_dict(metadata.preprocessing).size
    if metadata.task != "detection":
        return height, width
    return -(-height // _STRIDE) * _STRIDE, -(-width // _STRIDE) * _STRIDE


def _described(network: nn.Module, name: str, arguments: dict[str, Any]) -> Metadata:
    config = {**timm.data.resolve_data_config({}, model=network)}
    preprocessing = Preprocessing(
        tuple(config["input_size"][-2:]), config["mean"], config["std"], config["interpolation"], config["crop_pct"]
    )
    outputs = getattr(network, "num_classes", 0)
    if not isinstance(outputs, int):
        raise UserError(f"{name}.num_classes is {outputs!r}; expected a number.")
    return Metadata(
        model=name,
        model_args=arguments,
        classes=tuple(map(str, range(outputs))),
        preprocessing=preprocessing.to_dict(),
        data="nothing",
    )
