"""A recipe whose every name has been looked up: what can be wrong is found here, before any work."""

import os
from dataclasses import dataclass

import torch

from parcnet.base import pick_device
from parcnet.checkpoint import Metadata
from parcnet.recipes import Recipe
from parcnet.training.keeper import travelling
from parcnet.training.network import Built, build_network
from parcnet.training.run_folder import RunFolder, choose_run_folder
from parcnet.training.splits import Splits, open_splits


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a run needs, the network being on its device."""

    recipe: Recipe
    folder: RunFolder
    device: torch.device
    splits: Splits
    built: Built

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
        )

    def machine(self) -> str:
        """Where it runs, for people: the GPU's name, or CPU threads."""
        if self.device.type == "cuda":
            return f"{self.device} ({torch.cuda.get_device_name(self.device)})"
        if self.device.type == "cpu":
            return f"cpu ({torch.get_num_threads()} threads of {os.cpu_count()} cores)"
        return str(self.device)


def prepare(recipe: Recipe) -> Job:
    """Looks up folder, device, data and network. Raises `UserError`; writes nothing."""
    folder = choose_run_folder(recipe)
    device = pick_device(recipe.run.device)
    splits = open_splits(recipe)
    built = build_network(recipe, splits.train.classes)
    # torch's stubs know no `to` with both
    built.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Job(recipe, folder, device, splits, built)
