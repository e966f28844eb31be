"""Recipe -> timm optimiser and timm scheduler."""

from functools import partial
from typing import Any

import timm.optim
from timm.scheduler import CosineLRScheduler, MultiStepLRScheduler, PolyLRScheduler
from timm.scheduler.scheduler import Scheduler
from torch import nn, optim

from parcnet.base import UserError, unknown
from parcnet.recipes import Optimizer, Schedule
from parcnet.training.setup.layer_decay import layer_groups, lr_scales


def create_optimizer(network: nn.Module, settings: Optimizer) -> optim.Optimizer:
    """The optimiser, without weight decay for biases and 1-D parameters, with layer-wise decay if set."""
    known = timm.optim.list_optimizers()
    if settings.opt not in known:
        raise unknown("optimiser", settings.opt, known, "timm.optim.list_optimizers() lists all.")
    by_network = settings.layer_decay_by == "network"
    if settings.layer_decay is not None and by_network and not hasattr(network, "group_matcher"):
        raise UserError(f"{type(network).__name__} has no group_matcher: leave layer_decay out.")
    optimizer = timm.optim.create_optimizer_v2(
        network,
        opt=settings.opt,
        lr=settings.lr,
        weight_decay=settings.weight_decay,
        layer_decay=settings.layer_decay if by_network else None,
        param_group_fn=None if by_network or settings.layer_decay is None else partial(_groups, settings=settings),
    )
    if getattr(optimizer, "is_second_order", False):
        raise UserError(
            f"{settings.opt} needs second-order gradients, which are not computed: use another --opt, e.g. adamw."
        )
    return optimizer


def _groups(network: nn.Module, settings: Optimizer) -> list[dict[str, Any]]:
    """Parameter groups by layer group and weight decay, each with timm's `lr_scale`."""
    assert settings.layer_decay is not None
    assert settings.layer_decay_by != "network"
    ids, last = layer_groups(network, settings.layer_decay_by, settings.layer_decay_groups)
    scale = lr_scales(ids, last, settings.layer_decay)
    undecayed = network.no_weight_decay() if hasattr(network, "no_weight_decay") else ()  # type: ignore[operator]
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        decayed = parameter.ndim > 1 and name not in undecayed
        weight_decay = settings.weight_decay if decayed else 0.0
        empty = {"lr_scale": scale[name], "weight_decay": weight_decay, "params": []}
        groups.setdefault((ids[name], decayed), empty)["params"].append(parameter)
    return [groups[key] for key in sorted(groups)]


def create_schedule(optimizer: optim.Optimizer, settings: Schedule, steps_per_epoch: int) -> Scheduler:
    """The learning rate schedule, set by `step_update(t)` before step t:

        t < W        warmup_lr + (lr - warmup_lr) t / W
        W <= t < T   cosine   min_lr + (lr - min_lr) (1 + cos(pi t / T)) / 2
                     poly     min_lr + (lr - min_lr) (1 - t / T)^poly_power
                     steps    lr decay_factor^(number of decay_epochs passed)
        T <= t       min_lr; steps: as before

    where W is the length of the warm-up and T that of the run in steps: the curve starts at step 0, and the warm-up
    replaces its beginning. Raises `UserError` unless W < T.
    """
    length = settings.iterations or settings.epochs * steps_per_epoch
    warmup = settings.warmup_steps
    warmup = round(settings.warmup_epochs * steps_per_epoch) if warmup is None else warmup
    if warmup >= length:
        raise UserError(f"the warm-up has {warmup} steps, the run {length}: lower --warmup-steps or --warmup-epochs.")
    shared: dict[str, Any] = {"warmup_t": warmup, "warmup_lr_init": settings.warmup_lr, "t_in_epochs": False}
    if settings.decay == "steps":
        assert settings.decay_epochs is not None
        drops = [epoch * steps_per_epoch + 1 for epoch in settings.decay_epochs]  # timm drops one step early
        return MultiStepLRScheduler(optimizer, drops, settings.decay_factor, warmup_prefix=False, **shared)
    if settings.decay == "poly":
        return PolyLRScheduler(optimizer, length, settings.poly_power, settings.min_lr, **shared)
    return CosineLRScheduler(optimizer, length, settings.min_lr, **shared)
