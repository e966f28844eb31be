"""The network to export: of a checkpoint, by a registered name, or a module."""

import dataclasses
from pathlib import Path

import timm
import torch
from torch import nn

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.models import build
from parcnet.tasks.loading import load_checkpoint
from parcnet.tasks.lookup import task_of_network
from parcnet.tasks.task import Task


def open_source(source: str | Path | nn.Module) -> tuple[nn.Module, Metadata, Task]:
    """The network, its metadata and its task.

    A path is a checkpoint or a run folder; any other text the name of a registered network, with fresh weights of seed
    0, for measuring; a module is taken as it is, its preprocessing from timm's configuration where it has one. Raises
    `UserError` for text that is neither.
    """
    if isinstance(source, nn.Module):
        task = task_of_network(source)
        return source, _described(source, type(source).__name__, task), task
    name = str(source)
    if Path(name).exists() or Path(name).suffix in (".safetensors", ".pth", ".pt") or len(Path(name).parts) > 1:
        loaded = load_checkpoint(name)
        return loaded.network, loaded.metadata, loaded.task
    torch.manual_seed(0)
    network = build(name).eval()
    task = task_of_network(network)
    return network, _described(network, name, task), task


def for_size(metadata: Metadata, size: tuple[int, int]) -> Metadata:
    """The metadata with the preprocessing for images of `size` (H, W) px."""
    preprocessing = dataclasses.replace(Preprocessing.from_dict(metadata.preprocessing), size=size)
    return dataclasses.replace(metadata, preprocessing=preprocessing.to_dict())


def _described(network: nn.Module, name: str, task: Task) -> Metadata:
    config = {**timm.data.resolve_data_config({}, model=network)}
    preprocessing = Preprocessing(
        tuple(config["input_size"][-2:]), config["mean"], config["std"], config["interpolation"], config["crop_pct"]
    )
    outputs = getattr(network, "num_classes", 0)
    if not isinstance(outputs, int):
        raise UserError(f"{name}.num_classes is {outputs!r}; expected a number.")
    return Metadata(
        model=name,
        model_args={},
        classes=tuple(map(str, range(outputs))),
        preprocessing=preprocessing.to_dict(),
        data="nothing",
        task=task.name,
    )
