"""Builds networks by name and from checkpoints."""

from pathlib import Path
from typing import Any

import timm
from torch import nn

from parcnet import checkpoint
from parcnet.base import UserError, unknown
from parcnet.models.fitting import fit_checkpoint, load_exactly


def build(name: str, **model_args: Any) -> nn.Module:
    """The network `name`, ours or any of timm's, with initial weights; `model_args` are those of timm.create_model.

    Raises UserError that suggests the nearest names for an unknown one, or names the invalid argument or value.
    """
    if not timm.is_model(name.split(".")[0]):
        remedy = "`parcnet models` lists ours, timm.list_models() all."
        raise unknown("network", name, timm.list_models(), remedy)
    try:
        return timm.create_model(name, **model_args)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} cannot be built with {model_args}: {error}") from error


def from_checkpoint(path: str | Path) -> tuple[nn.Module, checkpoint.Metadata]:
    """The network of a checkpoint or run folder, its weights loaded, in eval mode, with what the file says of itself.

    Raises UserError when the file cannot be read or its weights are not those of the network it names.
    """
    read = checkpoint.read(path)
    if read.metadata.task != "classification":
        raise UserError(
            f"{path} is a checkpoint of {read.metadata.task}: parcnet.tasks.loading.load({str(path)!r}) loads it."
        )
    model = build(read.metadata.model, **read.metadata.model_args)
    load_exactly(model, fit_checkpoint(read.weights, model), f"the weights of {path}")
    return model.eval(), read.metadata


def load(path: str | Path) -> nn.Module:
    """The trained network of a checkpoint or run folder, in eval mode: `from_checkpoint` without the metadata."""
    return from_checkpoint(path)[0]
