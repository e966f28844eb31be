"""Recipe -> timm's optimiser and timm's schedule."""

import timm.optim
from timm.scheduler import CosineLRScheduler
from torch import nn, optim

from parcnet.base import UserError, unknown
from parcnet.recipes import Optimizer, Schedule


def create_optimizer(network: nn.Module, settings: Optimizer) -> optim.Optimizer:
    """Parameters in groups: 1-D ones and biases undecayed, lr scaled per layer group when layer_decay is set."""
    known = timm.optim.list_optimizers()
    if settings.opt not in known:
        raise unknown("optimiser", settings.opt, known, "timm.optim.list_optimizers() lists all.")
    if settings.layer_decay is not None and not hasattr(network, "group_matcher"):
        raise UserError(f"{type(network).__name__} does not say how its layers are grouped: leave layer_decay out.")
    optimizer = timm.optim.create_optimizer_v2(
        network,
        opt=settings.opt,
        lr=settings.lr,
        weight_decay=settings.weight_decay,
        layer_decay=settings.layer_decay,
    )
    if getattr(optimizer, "is_second_order", False):
        raise UserError(f"{settings.opt} needs second-order gradients, which this loop does not compute: try adamw.")
    return optimizer


def create_schedule(optimizer: optim.Optimizer, settings: Schedule, steps_per_epoch: int) -> CosineLRScheduler:
    """The learning rate as a function of the step t, set by `step_update(t)` before step t:

        t < W        warmup_lr + (lr - warmup_lr) t / W
        W <= t < T   min_lr + (lr - min_lr) (1 + cos(pi t / T)) / 2
        T <= t       min_lr

    with W = warmup_epochs and T = epochs, in steps: the cosine runs from step 0, the warm-up covers its beginning.
    """
    return CosineLRScheduler(
        optimizer,
        t_initial=settings.epochs * steps_per_epoch,
        lr_min=settings.min_lr,
        warmup_t=round(settings.warmup_epochs * steps_per_epoch),
        warmup_lr_init=settings.warmup_lr,
        t_in_epochs=False,
    )
