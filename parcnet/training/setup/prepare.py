"""Opens the data and builds the network of a recipe, before any training or writing."""

import os
from dataclasses import dataclass, replace

import torch
from torch import nn

from parcnet.checkpoint import Metadata
from parcnet.data import Splits, data_name, repeated
from parcnet.recipes import Recipe
from parcnet.tasks.building import BuiltNetwork, recompute_activations
from parcnet.tasks.lookup import task_named
from parcnet.tasks.task import Task
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.setup.plan import make_plan


@dataclass(frozen=True, slots=True)
class RunSetup:
    """The recipe with its task, data, network (on its device) and plan."""

    recipe: Recipe
    task: Task
    device: torch.device
    splits: Splits
    built: BuiltNetwork
    plan: TrainingPlan
    group: ProcessGroup
    machine: str
    """Description of the device: GPU name or CPU threads."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return self.splits.train.classes

    @property
    def parameters(self) -> int:
        """Number of parameters of the network."""
        return sum(parameter.numel() for parameter in self.built.network.parameters())


def prepare(recipe: Recipe, group: ProcessGroup, device: torch.device) -> RunSetup:
    """Opens the data, builds the network on `device` and plans the run, writing nothing. Raises `UserError`."""
    task = task_named(recipe.task)
    splits = task.open_splits(recipe)
    splits = replace(splits, train=repeated(splits.train, recipe.data.repeats))
    built = task.build(recipe, splits.train.classes)
    if recipe.network.grad_checkpointing:
        recompute_activations(built.network, recipe.network.model)
    # torch's stubs lack this overload
    built.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if task.sync_norm and group.world > 1 and device.type == "cuda":  # not implemented for CPUs
        built = replace(built, network=nn.SyncBatchNorm.convert_sync_batchnorm(built.network))
    metadata = Metadata(
        model=recipe.network.model,
        model_args=built.model_args,
        classes=splits.train.classes,
        preprocessing=built.preprocessing.to_dict(),
        data=splits.train.name,
        recipe=recipe.portable(None if recipe.data.data_dir is None else data_name(recipe.data.data_dir)),
        task=task.name,
        task_args=built.task_args,
    )
    machine = _machine(device)
    plan = make_plan(recipe, task, splits, metadata, group, device)
    return RunSetup(recipe, task, device, splits, built, plan, group, machine)


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads of {os.cpu_count()} cores)"
    return str(device)
