"""A recipe whose every name has been looked up: what can be wrong is found here, before any work."""

import os
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from parcnet.base import UserError, pick_device
from parcnet.checkpoint import Metadata
from parcnet.data import LabelledImages, RepeatDataset, SupportsEpochOrder
from parcnet.data.splits import Splits
from parcnet.recipes import Recipe
from parcnet.tasks import Task, task_of
from parcnet.tasks.building import Built
from parcnet.training.distributed.process_group import Ranks
from parcnet.training.run.folder import RunFolder
from parcnet.training.run.recorder import travelling
from parcnet.training.run.resume import Start, find_start


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a run needs, the network being on its device."""

    recipe: Recipe
    start: Start
    device: torch.device
    splits: Splits
    built: Built
    task: Task
    ranks: Ranks = field(default_factory=Ranks)

    @property
    def folder(self) -> RunFolder:
        """Where everything is written, by the main rank."""
        return self.start.folder

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
            recipe=travelling(self.recipe),
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


def prepare(
    recipe: Recipe, resume: str | None = None, ranks: Ranks | None = None, device: torch.device | None = None
) -> Job:
    """Looks up folder, device, data and network. Raises `UserError`; writes nothing.

    `resume` as `find_start` takes it. Every rank prepares its own job, the folder being the main rank's.
    """
    ranks = ranks or Ranks()
    start = find_start(recipe, resume, ranks)
    device = device or pick_device(recipe.run.device)
    task = task_of(recipe)
    splits = task.open_splits()
    if recipe.data.repeats > 1:
        splits = replace(splits, train=_repeated(splits.train, recipe.data.repeats))
    built = task.build(splits.train.classes)
    if recipe.network.grad_checkpointing:
        _checkpoint_gradients(built.network, recipe)
    # torch's stubs know no `to` with both
    built.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if task.sync_norm and ranks.world > 1 and device.type == "cuda":  # torch has none for CPUs
        built = replace(built, network=nn.SyncBatchNorm.convert_sync_batchnorm(built.network))
    return Job(recipe, start, device, splits, built, task, ranks)


def _repeated(images: LabelledImages, times: int) -> LabelledImages:
    if isinstance(images, SupportsEpochOrder):
        raise UserError(f"{images.name} is read shard by shard, so its images cannot be repeated: leave repeats out.")
    return RepeatDataset(images, times)


def _checkpoint_gradients(network: nn.Module, recipe: Recipe) -> None:
    try:
        network.set_grad_checkpointing(True)  # type: ignore[operator]  # timm's contract; stubs call it a tensor
    except (AttributeError, AssertionError):
        raise UserError(f"{recipe.network.model} cannot recompute its maps: leave grad_checkpointing out.") from None
