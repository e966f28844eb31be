"""The network of a checkpoint of any task."""

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
    """A network in eval mode, what its checkpoint says about it, and its task."""

    network: nn.Module
    metadata: Metadata
    task: Task


def load_checkpoint(path: str | Path) -> LoadedNetwork:
    """The network of a checkpoint, a run folder or a published folder, with its weights.

    Raises `UserError` when the file cannot be read, is of an unknown task, or its weights are not those of the network
    it names.
    """
    read = checkpoint.read(path)
    task = task_named(read.metadata.task, str(path))
    network = task.network(read.metadata)
    load_exactly(network, fit_checkpoint(read.weights, network), f"the weights of {path}")
    return LoadedNetwork(network.eval(), read.metadata, task)


def load(path: str | Path) -> nn.Module:
    """The trained network of a checkpoint, a run folder or a published folder of any task, in eval mode."""
    return load_checkpoint(path).network
