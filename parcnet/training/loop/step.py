"""One optimiser step."""

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from timm.scheduler.scheduler import Scheduler
from timm.utils import ModelEmaV3
from torch import Tensor, nn, optim
from torch.nn.parallel import DistributedDataParallel

from parcnet.base import map_tensors, to_device
from parcnet.data.device_seeds import Purpose, reseed_devices
from parcnet.tasks.task import Batch, Mixer
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.image_sizes import resized, side_of


@dataclass(frozen=True, slots=True)
class StepResult:
    """The outcome of a step; the same on every rank."""

    loss: float
    """Mean over the whole batch, before the update."""
    grad_norm: float
    """Of the whole gradient, before clipping."""
    updated: bool
    """Whether the weights changed: not when loss or gradient is not finite."""
    overflowed: bool = False
    """Not updated because fp16 gradients were scaled too high, which the scaler now corrects: no error."""
    stop: bool = False
    """Whether any rank was asked to stop, see `Stepper.stopping`."""


@dataclass
class Stepper:
    """Takes a batch, whole or in micro-batches, to an updated network. Randomness of step t: f(seed, t, rank).

    The loss is the mean over all micro-batches of all ranks, which must be equally large; so the gradient is that of
    the whole batch, however it is divided (dropout, mixing and BatchNorm's statistics work on micro-batches).
    """

    network: nn.Module
    optimizer: optim.Optimizer
    schedule: Scheduler
    loss: Callable[[Any, Any], Tensor]
    """(outputs, targets) -> the mean over the micro-batch."""
    device: torch.device
    seed: int
    mixer: Mixer | None = None
    clip_grad: float | None = None
    dtype: torch.dtype | None = None
    sizes: tuple[int, int] | None = None
    """Smallest and largest side of the images, one drawn for each step; see `sizes`."""
    group: ProcessGroup = field(default_factory=ProcessGroup)
    takes_targets: bool = False
    """Whether the network takes the targets too, as networks do whose outputs are losses."""
    average: ModelEmaV3 | None = None
    """Of the network's weights, updated after each step; see `create_average`."""
    stopping: Callable[[], object] = lambda: None
    """Whether this rank was asked to stop, by its truth."""

    def __post_init__(self) -> None:
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.dtype is torch.float16)
        self.wrapped = self.network if self.group.world == 1 else _distributed(self.network, self.device)
        self._buffers = [each for each in self.network.buffers() if each.is_floating_point()]
        self._settled = self.group.world <= 2

    def __call__(self, batch: Sequence[Batch], step: int) -> StepResult:
        """This rank's micro-batches -> what step number `step` (from 0) did. Waits for the device once."""
        self._seed(step)
        self.schedule.step_update(step)
        self.optimizer.zero_grad(set_to_none=True)
        buffers = [each.clone() for each in self._buffers]
        if not self._settled:
            self._settle(batch[0], step, buffers)
        totals = torch.zeros(2, device=self.device)
        for position, (inputs, targets) in enumerate(batch):
            last = position + 1 == len(batch)
            with nullcontext() if last or self.group.world == 1 else self.wrapped.no_sync():  # type: ignore[operator]
                loss = self._forward(inputs, targets, step) / len(batch)
                self.scaler.scale(loss).backward()
            totals[0] += loss.detach()
        totals[1] = bool(self.stopping())
        return self._update(self.group.total(totals), step, buffers)

    def synchronise(self) -> None:
        """Gives every rank the main rank's buffers, such as BatchNorm's statistics, as checkpoints hold them."""
        if self.group.world > 1:
            # in this order on every rank: a set would be ordered by addresses, which differ between processes
            for module in dict.fromkeys((self.network, self.kept)):
                for buffer in module.buffers():
                    dist.broadcast(buffer, 0)

    def forward(self, inputs: Any, targets: Any, step: int) -> Tensor:
        """The loss of a micro-batch again, with the randomness of its step, for diagnosis."""
        self._seed(step)
        return self._forward(inputs, targets, step, alone=True)

    def _seed(self, step: int) -> None:
        """Drop path (torch, on every device) and mixup (numpy) of a step draw from (seed, step, rank) alone."""
        reseed_devices(self.seed, step, self.group.rank, Purpose.STEP)

    @property
    def kept(self) -> nn.Module:
        """What is validated and saved: the averaged network if there is one, else the trained one."""
        return self.network if self.average is None else self.average.module

    @property
    def lr(self) -> float:
        """The learning rate of the last step, without the factor of a layer group."""
        groups = self.optimizer.param_groups
        return max(group["lr"] for group in groups)

    def _forward(self, inputs: Any, targets: Any, step: int, alone: bool = False) -> Tensor:
        inputs, targets = to_device(inputs, self.device), to_device(targets, self.device)
        if self.sizes is not None:
            inputs = resized(inputs, side_of(self.sizes, self.seed, step))
        if self.mixer is not None:
            inputs, targets = self.mixer(inputs, targets)
        network = self.network if alone else self.wrapped
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
            outputs = network(inputs, targets) if self.takes_targets else network(inputs)
        return self.loss(map_tensors(_single, outputs), targets)

    def _settle(self, batch: Batch, step: int, buffers: Sequence[Tensor]) -> None:
        """Lets DDP order its gradient buckets before the first step; it reorders them after the first backward pass.

        Sums of three or more numbers depend on the order; so a resumed run would differ in its first step.
        """
        inputs, targets = batch
        self._forward(map_tensors(torch.clone, inputs), targets, step).backward()  # mixing may write into the images
        self._restore(buffers)
        self.optimizer.zero_grad(set_to_none=True)
        self._seed(step)
        self._settled = True

    def _restore(self, buffers: Sequence[Tensor]) -> None:
        for buffer, before in zip(self._buffers, buffers, strict=True):
            buffer.copy_(before)

    def _update(self, totals: Tensor, step: int, buffers: Sequence[Tensor]) -> StepResult:
        self.scaler.unscale_(self.optimizer)
        gradients = [each.grad for each in self.network.parameters() if each.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        loss, stop, grad_norm = torch.cat([totals, norm.float()[None]]).tolist()
        loss /= self.group.world
        scale = self.scaler.get_scale()
        finite = math.isfinite(loss) and math.isfinite(grad_norm)
        if finite:
            if self.clip_grad is not None:
                nn.utils.clip_grads_with_norm_(self.network.parameters(), self.clip_grad, norm)
            self.scaler.step(self.optimizer)
        else:
            self._restore(buffers)
        self.scaler.update()
        if finite and self.average is not None:
            self.average.update(self.network, step + 1)
        overflowed = not finite and math.isfinite(loss) and self.scaler.is_enabled() and scale > 1
        return StepResult(loss, grad_norm, finite, overflowed, stop > 0)


def _single(output: Tensor) -> Tensor:
    """In float32, in which losses are computed; indices as they are."""
    return output.float() if output.is_floating_point() else output


def _distributed(network: nn.Module, device: torch.device) -> DistributedDataParallel:
    """The network with gradients averaged over ranks, and rank 0's weights on all of them."""
    return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)
