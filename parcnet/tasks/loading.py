"""Loads the network of a checkpoint of any task."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from parcnet import checkpoint
from parcnet.checkpoint import Metadata
from parcnet.models.fitting import fit_checkpoint, load_exactly
from parcnet.tasks.lookup import task_named
from parcnet.tasks.task import Task


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
    network = task.network(source.metadata)
    load_exactly(network, fit_checkpoint(source.weights, network), f"the weights of {path}")
    return LoadedNetwork(network.eval(), source.metadata, task)


def load(path: str | Path) -> nn.Module:
    """The trained network of a checkpoint, run folder or published folder of any task, in eval mode."""
    return load_checkpoint(path).network
