"""A recipe whose every name has been looked up: mistakes are found here, before any work."""

import os
from dataclasses import dataclass, replace

import torch
from torch import nn

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import LabelledImages, RepeatDataset, Splits, SupportsEpochOrder
from parcnet.recipes import Recipe
from parcnet.tasks.building import BuiltNetwork
from parcnet.tasks.lookup import task_named
from parcnet.tasks.task import Task
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.run.portable_recipe import portable_recipe


@dataclass(frozen=True, slots=True)
class RunSetup:
    """The recipe's task, data and network, the latter on its device."""

    recipe: Recipe
    task: Task
    device: torch.device
    splits: Splits
    built: BuiltNetwork
    group: ProcessGroup

    @property
    def classes(self) -> tuple[str, ...]:
        """Names in the order of the logits."""
        return self.splits.train.classes

    @property
    def parameters(self) -> int:
        """Trainable numbers in the network."""
        return sum(parameter.numel() for parameter in self.built.network.parameters())

    def metadata(self) -> Metadata:
        """Of this run's checkpoints, before any epoch."""
        return Metadata(
            model=self.recipe.network.model,
            model_args=self.built.model_args,
            classes=self.classes,
            preprocessing=self.built.preprocessing.to_dict(),
            data=self.splits.train.name,
            recipe=portable_recipe(self.recipe),
            task=self.task.name,
            task_args=self.built.task_args,
        )

    def machine(self) -> str:
        """Where it runs, for people: the GPU's name, or CPU threads."""
        if self.device.type == "cuda":
            return f"{self.device} ({torch.cuda.get_device_name(self.device)})"
        if self.device.type == "cpu":
            return f"cpu ({torch.get_num_threads()} threads of {os.cpu_count()} cores)"
        return str(self.device)


def prepare(recipe: Recipe, group: ProcessGroup, device: torch.device) -> RunSetup:
    """Opens the data and builds the network on `device`. Raises `UserError`; writes nothing."""
    task = task_named(recipe.task)
    splits = task.open_splits(recipe)
    if recipe.data.repeats > 1:
        splits = replace(splits, train=_repeated(splits.train, recipe.data.repeats))
    built = task.build(recipe, splits.train.classes)
    if recipe.network.grad_checkpointing:
        _checkpoint_gradients(built.network, recipe)
    # torch's stubs know no `to` with both
    built.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if task.sync_norm and group.world > 1 and device.type == "cuda":  # torch has none for CPUs
        built = replace(built, network=nn.SyncBatchNorm.convert_sync_batchnorm(built.network))
    return RunSetup(recipe, task, device, splits, built, group)


def _repeated(images: LabelledImages, times: int) -> LabelledImages:
    if isinstance(images, SupportsEpochOrder):
        raise UserError(f"{images.name} is read shard by shard, so its images cannot be repeated: leave repeats out.")
    return RepeatDataset(images, times)


def _checkpoint_gradients(network: nn.Module, recipe: Recipe) -> None:
    try:
        network.set_grad_checkpointing(True)  # type: ignore[operator]  # timm's contract; stubs call it a tensor
    except (AttributeError, AssertionError):
        raise UserError(f"{recipe.network.model} cannot recompute its maps: leave grad_checkpointing out.") from None
