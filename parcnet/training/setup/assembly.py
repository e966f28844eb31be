"""Job and plan -> what takes the steps and what is kept of them."""

from typing import Any

import torch

from parcnet.base import versions
from parcnet.data import SupportsEpochOrder
from parcnet.training.loop.progress import Position
from parcnet.training.loop.step import Stepper, autocast_dtype
from parcnet.training.run.recorder import Keeper, travelling
from parcnet.training.run.resume import check_same_run
from parcnet.training.run.state import opened, restore
from parcnet.training.run.trackers import open_trackers
from parcnet.training.setup.optimizer import create_optimizer, create_schedule
from parcnet.training.setup.plan import Plan
from parcnet.training.setup.prepare import Job
from parcnet.training.setup.weight_averaging import create_average


def make_stepper(job: Job, plan: Plan) -> Stepper:
    """The optimiser over the job's network, its schedule, loss, mixing and average."""
    recipe, network = job.recipe, job.built.network
    optimizer = create_optimizer(network, recipe.optimizer)
    average = create_average(network, recipe.optimizer.ema_decay)  # before compiling: a copy is not compiled
    if recipe.run.compile:
        network.compile()
    return Stepper(
        network=network,
        optimizer=optimizer,
        schedule=create_schedule(optimizer, recipe.schedule, plan.steps_per_epoch),
        loss=job.task.loss(),
        device=job.device,
        seed=recipe.run.seed,
        mixer=job.task.mixer(plan.num_classes),
        clip_grad=recipe.optimizer.clip_grad,
        dtype=autocast_dtype(recipe.run.amp),
        sizes=recipe.data.train_sizes,
        ranks=job.ranks,
        targeted=job.task.targeted,
        average=average,
    )


def facts(job: Job, plan: Plan) -> dict[str, Any]:
    """What a training state says about its run: a run goes on only as itself."""
    return {
        "recipe": travelling(job.recipe),
        "classes": list(job.classes),
        "images": job.splits.sizes,
        "own_order": _has_own_order(job.splits.train),
        "steps_per_epoch": plan.steps_per_epoch,
        "world": str(plan.share),
        "machine": job.machine(),
        "versions": versions(),
    }


def _has_own_order(images: object) -> bool:
    """Whether the data say in which order they are read, as shards from the web do: other images make up each step."""
    return isinstance(images, SupportsEpochOrder) and images.order(torch.Generator()) is not None


def make_keeper(job: Job, plan: Plan, stepper: Stepper) -> tuple[Keeper, list[str]]:
    """(the keeper, at the position where the run goes on; what changed since, if losses depend on it).

    Puts the state that the job starts from, the main rank's, into every rank's `stepper`; writes nothing. Raises
    `UserError` when it belongs to another run.
    """
    about = facts(job, plan)
    content = job.ranks.shared(job.start.state if job.ranks.main else None)
    position, changed = Position(), []
    if content:
        called = job.start.called or "the training state"
        changed = check_same_run(job.recipe, about, content, called)
        tensors, values = opened(content, called)
        position = restore(stepper, tensors, values, called)
    keeper = Keeper(
        folder=job.folder,
        stepper=stepper,
        metadata=job.metadata(),
        about=about,
        chosen=job.task.chosen.name,
        position=position,
        steps_per_epoch=plan.steps_per_epoch,
        log_every=plan.log_every,
        keep_every=job.recipe.run.keep_every,
        earlier=values["logs"] if content else {},
    )
    return keeper, changed


def begin(job: Job, keeper: Keeper) -> None:
    """Makes the run folder, or takes back what a killed run left in it after its last state."""
    if not job.ranks.main:
        return
    keeper.go_on()
    job.folder.begin(job.recipe)
    first = keeper.position.epoch * keeper.steps_per_epoch + keeper.position.done
    recipe = travelling(job.recipe)
    keeper.trackers = open_trackers(job.recipe.run.track, job.folder.path, job.recipe.name, recipe, first)
