"""Loads the network of a checkpoint of any task."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.models.arguments import check_model_arguments
from parcnet.models.fitting import fit_checkpoint, load_exactly
from parcnet.tasks.finite import check_finite_weights
from parcnet.tasks.lookup import task_named
from parcnet.tasks.task import Task

_LARGER, _SLACK = 4, 10_000_000
"""A network may have `_LARGER` times the parameters of its file, whose kernels are resized, and `_SLACK` more."""


@dataclass(frozen=True, slots=True)
class LoadedNetwork:
    """A network in eval mode, the metadata of its checkpoint, and its task."""

    network: nn.Module
    metadata: Metadata
    task: Task


def load_checkpoint(path: str | Path) -> LoadedNetwork:
    """Loads a checkpoint, run folder or published folder.

    Raises `UserError` when the file cannot be read, its task is unknown, or its weights do not fit the network it
    names.
    """
    source = checkpoint.read(path)
    task = task_named(source.metadata.task, str(path))
    check_described(task, source.metadata, str(path))
    _check_network(task, source, str(path))
    network = task.network(source.metadata)
    check_finite_weights(source.weights, f"the weights of {path}")
    load_exactly(network, fit_checkpoint(source.weights, network), f"the weights of {path}")
    return LoadedNetwork(network.eval(), source.metadata, task)


def check_described(task: Task, metadata: Metadata, source: str) -> None:
    """Raises `UserError` naming the file `source` unless its preprocessing and task arguments are within bounds.

    Builds nothing, since files may be untrusted.
    """
    try:
        if metadata.preprocessing:  # whoever needs it refuses an empty one
            Preprocessing.from_dict(metadata.preprocessing)
        task.check_arguments(metadata)
    except UserError as error:
        raise UserError(f"cannot use {source}: {error}") from None


def _check_network(task: Task, read: checkpoint.Checkpoint, source: str) -> None:
    """Raises `UserError` for arguments that are not the network's own, and for a network much larger than the weights.

    The network is described on torch's meta device, where it takes no memory.
    """
    try:
        check_model_arguments(read.metadata.model, read.metadata.model_args, "model_args")
        with torch.device("meta"):
            described = task.network(read.metadata)
    except NotImplementedError:  # a network that computes while it is built
        return
    except UserError as error:
        raise UserError(f"cannot use {source}: {error}") from None
    except Exception as error:  # constructors of timm raise anything for numbers that do not go together
        raise UserError(
            f"cannot use {source}: {read.metadata.model} cannot be built with {read.metadata.model_args}: {error!r}"
        ) from None
    numbers = sum(each.numel() for each in described.state_dict().values())
    stored = sum(each.numel() for each in read.weights.values())
    if numbers > _LARGER * stored + _SLACK:
        raise UserError(f"{source} describes a network of {numbers:,} numbers and holds {stored:,}: it was not built.")


def load(path: str | Path) -> nn.Module:
    """The trained network of a checkpoint, run folder or published folder of any task, in eval mode."""
    return load_checkpoint(path).network
