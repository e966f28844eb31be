"""The network of a checkpoint of any task."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from parcnet import checkpoint, models
from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.models.fitting import fit_checkpoint, load_exactly
from parcnet.tasks.detection import detector_of
from parcnet.tasks.segmentation import segmenter_of

BUILDERS: dict[str, Callable[[Metadata], nn.Module]] = {
    "classification": lambda metadata: models.build(metadata.model, **metadata.model_args),
    "detection": detector_of,
    "segmentation": segmenter_of,
}
"""Task -> a fresh network as a checkpoint describes it."""


def from_checkpoint(path: str | Path) -> tuple[nn.Module, Metadata]:
    """The network of a checkpoint or run folder, its weights loaded, in eval mode, with what the file says of itself.

    Raises `UserError` when the file cannot be read, is of a task this parcnet does not know, or its weights are not
    those of the network it names.
    """
    read = checkpoint.read(path)
    builder = BUILDERS.get(read.metadata.task)
    if builder is None:
        raise UserError(f"{path} is a checkpoint of {read.metadata.task!r}; known are {', '.join(BUILDERS)}.")
    network = builder(read.metadata)
    load_exactly(network, fit_checkpoint(read.weights, network), f"the weights of {path}")
    return network.eval(), read.metadata


def load(path: str | Path) -> nn.Module:
    """The trained network of a checkpoint or run folder of any task, in eval mode."""
    return from_checkpoint(path)[0]
