"""One optimiser step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from timm.scheduler.scheduler import Scheduler
from timm.utils import ModelEmaV3
from torch import Tensor, nn, optim

from parcnet.training.seeds import seed_step

Mixer = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Images [B, C, H, W], class indices [B] -> mixed images, soft targets [B, classes]."""

_DTYPES = {"none": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def autocast_dtype(amp: Literal["none", "bf16", "fp16"]) -> torch.dtype | None:
    """The dtype autocast computes in; None for no autocast."""
    return _DTYPES[amp]


@dataclass
class Stepper:
    """Takes a batch to an updated network. Randomness of step t: f(seed, t, rank), nothing else."""

    network: nn.Module
    optimizer: optim.Optimizer
    schedule: Scheduler
    loss: nn.Module
    device: torch.device
    seed: int
    mixer: Mixer | None = None
    clip_grad: float | None = None
    dtype: torch.dtype | None = None
    rank: int = 0
    average: ModelEmaV3 | None = None
    """Of the network's weights, updated after each step; see `create_average`."""

    def __post_init__(self) -> None:
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.dtype is torch.float16)

    def __call__(self, images: Tensor, labels: Tensor, step: int) -> Tensor:
        """Images [B, C, H, W], class indices [B] -> the loss before the update, a detached scalar on the device."""
        seed_step(self.seed, step, self.rank)
        self.schedule.step_update(step)
        images = images.to(self.device, memory_format=torch.channels_last, non_blocking=True)
        labels = labels.to(self.device, non_blocking=True)
        if self.mixer is not None:
            images, labels = self.mixer(images, labels)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
            logits = self.network(images)
        loss = self.loss(logits.float(), labels)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        if self.clip_grad is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_grad)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update(self.network, step + 1)
        return loss.detach()

    @property
    def kept(self) -> nn.Module:
        """What is validated and saved: the averaged network if there is one, else the network that learns."""
        return self.network if self.average is None else self.average.module

    @property
    def lr(self) -> float:
        """The learning rate of the last step, without the factor of a layer group."""
        groups = self.optimizer.param_groups
        return max(group["lr"] for group in groups)
