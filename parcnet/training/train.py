"""Recipe -> run folder: the whole of training."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from parcnet.base import UserError
from parcnet.data import mixup, preserved_randomness
from parcnet.recipes import Recipe
from parcnet.tasks import training_loss
from parcnet.training import report
from parcnet.training.averaging import create_average
from parcnet.training.epoch import NonFinite
from parcnet.training.final import Outcome, conclude, result
from parcnet.training.job import Job, prepare
from parcnet.training.keeper import Keeper
from parcnet.training.loop import Plan, fit
from parcnet.training.optimisation import create_optimizer, create_schedule
from parcnet.training.splits import evaluation_batches, training_batches
from parcnet.training.step import Stepper, autocast_dtype
from parcnet.training.threads import cpu_threads


class Diverged(UserError):
    """A loss became infinite or no number. Checkpoints of the epochs before are on the disk."""


class Interrupted(Exception):
    """Ctrl-C during training, after the network was saved; the message says how to go on."""


def train(recipe: Recipe, command: str = "") -> Outcome:
    """Trains as the recipe says, and reports to the console and into the run folder.

    `command` is recorded in result.json. Equal recipes give bit-equal losses on a CPU with equally many threads. The
    global random generators (CPU) and torch's number of threads stay as they were.

    Raises `UserError` for anything wrong with the recipe or its folders, before any work, and for images that cannot be
    read or written later, naming the last checkpoint; `Diverged`; `Interrupted`.
    """
    started = time.perf_counter()
    with preserved_randomness(), cpu_threads(recipe.run.threads):
        job = prepare(recipe)
        plan = _plan(job)
        stepper = _stepper(job, plan)
        keeper = Keeper(job.folder, stepper.kept, job.metadata())
        report.introduce(job, plan)
        job.folder.begin(recipe)
        try:
            with _naming_what_is_kept(job, plan, keeper):
                fit(stepper, plan, keeper)
        except NonFinite as error:
            raise Diverged(report.diagnosis(job, plan, error, len(keeper.log))) from None
        except KeyboardInterrupt:
            keeper.interrupted()
            raise Interrupted(report.way_on(job, len(keeper.log))) from None
        with _naming_what_is_kept(job, plan, keeper):
            outcome = conclude(job, keeper)
            job.folder.finish(result(job, outcome, command, time.perf_counter() - started))
    report.summarise(job, outcome, time.perf_counter() - started)
    return outcome


@contextmanager
def _naming_what_is_kept(job: Job, plan: Plan, keeper: Keeper) -> Iterator[None]:
    """Adds to a `UserError` which checkpoint the work before it has left, if any."""
    try:
        yield
    except UserError as error:
        if not keeper.log:
            raise
        raise UserError(f"{error}\n{report.kept(job, plan, len(keeper.log))}") from error


def _plan(job: Job) -> Plan:
    recipe, preprocessing = job.recipe, job.built.preprocessing
    batches = training_batches(recipe, job.splits.train, preprocessing)
    return Plan(
        epochs=recipe.schedule.epochs + recipe.schedule.cooldown_epochs,
        steps_per_epoch=len(batches(0)),
        batch_size=recipe.data.batch_size,
        num_classes=len(job.classes),
        log_every=recipe.run.log_every,
        training=batches,
        validation=evaluation_batches(recipe, job.splits.val, preprocessing),
    )


def _stepper(job: Job, plan: Plan) -> Stepper:
    recipe = job.recipe
    optimizer = create_optimizer(job.built.network, recipe.optimizer)
    return Stepper(
        network=job.built.network,
        optimizer=optimizer,
        schedule=create_schedule(optimizer, recipe.schedule, plan.steps_per_epoch),
        loss=training_loss(recipe.augmentation),
        device=job.device,
        seed=recipe.run.seed,
        mixer=mixup(recipe.augmentation, plan.num_classes),
        clip_grad=recipe.optimizer.clip_grad,
        dtype=autocast_dtype(recipe.run.amp),
        average=create_average(job.built.network, recipe.optimizer.ema_decay),
    )
