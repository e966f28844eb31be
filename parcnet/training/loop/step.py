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
    """The result of a step, equal on every rank."""

    loss: float
    """Mean over the whole batch."""
    grad_norm: float
    """Norm of the whole gradient before clipping."""
    updated: bool
    """Whether the weights were updated, i.e. loss and gradient are finite."""
    overflowed: bool = False
    """Whether the update was skipped because of overflow in fp16, after which the scaler lowers its scale."""
    stop: bool = False
    """Whether any rank received a signal to stop, see `Stepper.stop_requested`."""


@dataclass
class Stepper:
    """Updates the network on a batch, split into micro-batches or not. Randomness of step t: f(seed, t, rank).

    The loss is the mean over all micro-batches of all ranks, which must have equal size; so the gradient is that of the
    whole batch, however it is split (except that dropout, mixing and BatchNorm statistics work on micro-batches).
    """

    network: nn.Module
    optimizer: optim.Optimizer
    schedule: Scheduler
    loss: Callable[[Any, Any], Tensor]
    """(outputs, targets) -> mean loss of the micro-batch."""
    device: torch.device
    seed: int
    mixer: Mixer | None = None
    clip_grad: float | None = None
    dtype: torch.dtype | None = None
    sizes: tuple[int, int] | None = None
    """Smallest and largest side for multi-scale training, see `image_sizes`; None: images keep their size."""
    group: ProcessGroup = field(default_factory=ProcessGroup)
    takes_targets: bool = False
    """Whether the network also takes the targets, see `Task`."""
    average: ModelEmaV3 | None = None
    """Moving average of the weights, updated after each step; see `create_average`."""
    stop_requested: Callable[[], object] = lambda: None
    """Returns a true value after this rank has received a signal to stop."""

    def __post_init__(self) -> None:
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.dtype is torch.float16)
        self.wrapped = self.network if self.group.world == 1 else _distributed(self.network, self.device)
        self._buffers = [each for each in self.network.buffers() if each.is_floating_point()]
        self._buckets_ordered = self.group.world <= 2

    def __call__(self, batch: Sequence[Batch], step: int) -> StepResult:
        """Takes step number `step` (from 0) on this rank's micro-batches. Waits for the device once."""
        self._seed(step)
        self.schedule.step_update(step)
        self.optimizer.zero_grad(set_to_none=True)
        buffers = [each.clone() for each in self._buffers]
        if not self._buckets_ordered:
            self._order_buckets(batch[0], step, buffers)
        totals = torch.zeros(2, device=self.device)
        for index, (inputs, targets) in enumerate(batch):
            last = index + 1 == len(batch)
            with nullcontext() if last or self.group.world == 1 else self.wrapped.no_sync():  # type: ignore[operator]
                loss = self._forward(inputs, targets, step) / len(batch)
                self.scaler.scale(loss).backward()
            totals[0] += loss.detach()
        totals[1] = bool(self.stop_requested())
        return self._update(self.group.total(totals), step, buffers)

    def synchronise(self) -> None:
        """Broadcasts the main rank's buffers, such as BatchNorm statistics, which checkpoints hold."""
        if self.group.world > 1:
            # the order must be equal on every rank; that of a set depends on addresses
            for module in dict.fromkeys((self.network, self.saved_network)):
                for buffer in module.buffers():
                    dist.broadcast(buffer, 0)

    def forward(self, inputs: Any, targets: Any, step: int) -> Tensor:
        """Recomputes the loss of a micro-batch with the randomness of its step, for diagnosis."""
        self._seed(step)
        return self._forward(inputs, targets, step, wrapped=False)

    def _seed(self, step: int) -> None:
        """Drop path (torch, on every device) and mixup (numpy) of a step draw from (seed, step, rank) alone."""
        reseed_devices(self.seed, step, self.group.rank, Purpose.STEP)

    @property
    def saved_network(self) -> nn.Module:
        """The network that is validated and saved: the average if there is one, else the trained network."""
        return self.network if self.average is None else self.average.module

    @property
    def lr(self) -> float:
        """Learning rate of the last step, without layer-wise decay."""
        groups = self.optimizer.param_groups
        return max(group["lr"] for group in groups)

    def _forward(self, inputs: Any, targets: Any, step: int, wrapped: bool = True) -> Tensor:
        inputs, targets = to_device(inputs, self.device), to_device(targets, self.device)
        if self.sizes is not None:
            inputs = resized(inputs, side_of(self.sizes, self.seed, step))
        if self.mixer is not None:
            inputs, targets = self.mixer(inputs, targets)
        network = self.wrapped if wrapped else self.network
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
            outputs = network(inputs, targets) if self.takes_targets else network(inputs)
        return self.loss(map_tensors(_as_float32, outputs), targets)

    def _order_buckets(self, batch: Batch, step: int, buffers: Sequence[Tensor]) -> None:
        """Runs a backward pass after which DDP has reordered its gradient buckets.

        Sums over three or more ranks depend on the order, so that the first step of a resumed run would otherwise
        differ.
        """
        inputs, targets = batch
        self._forward(map_tensors(torch.clone, inputs), targets, step).backward()  # mixing may modify the images
        self._restore(buffers)
        self.optimizer.zero_grad(set_to_none=True)
        self._seed(step)
        self._buckets_ordered = True

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


def _as_float32(output: Tensor) -> Tensor:
    """Floating-point outputs in float32, in which losses are computed; others unchanged."""
    return output.float() if output.is_floating_point() else output


def _distributed(network: nn.Module, device: torch.device) -> DistributedDataParallel:
    """Wraps the network, so that gradients are averaged over ranks and all ranks start from rank 0's weights."""
    return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)
