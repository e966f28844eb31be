"""Setup -> stepper."""

from parcnet.training.loop.precision import autocast_dtype
from parcnet.training.loop.step import Stepper
from parcnet.training.setup.optimizer import create_optimizer, create_schedule
from parcnet.training.setup.prepare import RunSetup
from parcnet.training.setup.weight_averaging import create_average


def make_stepper(setup: RunSetup) -> Stepper:
    """The stepper with optimiser, schedule, loss, mixing and weight average."""
    recipe, network = setup.recipe, setup.built.network
    optimizer = create_optimizer(network, recipe.optimizer)
    schedule = create_schedule(optimizer, recipe.schedule, setup.plan.steps_per_epoch)
    average = create_average(network, recipe.optimizer.ema_decay)  # before compiling, since the copy is not compiled
    if recipe.run.compile:
        network.compile()
    return Stepper(
        network=network,
        optimizer=optimizer,
        schedule=schedule,
        loss=setup.task.loss(recipe),
        device=setup.device,
        seed=recipe.run.seed,
        mixer=setup.task.mixer(recipe, len(setup.classes)),
        clip_grad=recipe.optimizer.clip_grad,
        dtype=autocast_dtype(recipe.run.amp),
        sizes=recipe.data.train_sizes,
        group=setup.group,
        takes_targets=setup.task.takes_targets,
        average=average,
    )
