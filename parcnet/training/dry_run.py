"""What a training would do, without doing it: recipe, parameter groups, schedule, steps, time."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from torch import optim

from parcnet.base import UserError, counted, next_steps, pick_device, say, table
from parcnet.data import preserved_randomness
from parcnet.recipes import Recipe, to_yaml
from parcnet.training.distributed.process_group import ProcessGroup, launched
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.loop.step import Stepper
from parcnet.training.loop.threads import cpu_threads
from parcnet.training.run.folder import run_folder
from parcnet.training.setup.forecast import Forecast, forecast
from parcnet.training.setup.prepare import RunSetup, prepare
from parcnet.training.setup.stepper import make_stepper

_BARS = "▁▂▃▄▅▆▇█"
_POINTS = 60
"""Characters of the sparkline."""


def dry_run(recipe: Recipe, command: str, picture: Path | None = None) -> Forecast:
    """Prints what `train(recipe)` would do, and draws its schedule into `picture`. No run folder is made.

    Data and network are opened and a few steps taken, so every mistake that `train` finds before its first step is
    found here. Raises `UserError` for them. One process: under torchrun the batch would be divided.
    """
    if launched().world > 1:
        raise UserError("--dry-run is for one process: start it without torchrun. Steps and schedule are the same.")
    with preserved_randomness(), cpu_threads(recipe.run.threads):
        run_folder(recipe).check_vacant()
        setup = prepare(recipe, ProcessGroup(), pick_device(recipe.run.device))
        stepper = make_stepper(setup)
        say(escape(to_yaml(recipe)))
        _what(setup, setup.plan)
        _groups(stepper.optimizer)
        _schedule(setup, setup.plan, stepper, picture)
        found = forecast(setup, stepper)
        _time(found)
    next_steps([(command, "does it")])
    return found


def parameter_groups(optimizer: optim.Optimizer) -> list[tuple[float, float, int, int]]:
    """(lr scale, weight decay, tensors, numbers) of the groups, those with equal settings taken together."""
    tensors: Counter[tuple[float, float]] = Counter()
    numbers: Counter[tuple[float, float]] = Counter()
    for group in optimizer.param_groups:
        key = (group.get("lr_scale", 1.0), group["weight_decay"])
        tensors[key] += len(group["params"])
        numbers[key] += sum(parameter.numel() for parameter in group["params"])
    return [(*key, tensors[key], numbers[key]) for key in sorted(tensors)]


def rates(stepper: Stepper, plan: TrainingPlan, points: int) -> tuple[list[float], list[float]]:
    """(epochs, learning rates) at so many steps of the run, first and last among them."""
    last = plan.steps - 1
    steps = sorted({round(place * last / max(points - 1, 1)) for place in range(points)})
    found = []
    for step in steps:
        stepper.schedule.step_update(step)
        found.append(stepper.lr)
    return [step / plan.steps_per_epoch for step in steps], found


def sparkline(values: Sequence[float]) -> str:
    """One character a value, its height in eighths of the largest."""
    top = max(values)
    return "".join(_BARS[round(value / top * (len(_BARS) - 1)) if top > 0 else 0] for value in values)


def _what(setup: RunSetup, plan: TrainingPlan) -> None:
    images = ", ".join(f"{count:,} {name}" for name, count in setup.splits.sizes.items())
    say(
        f"{escape(setup.recipe.network.model)}: {setup.parameters / 1e6:.2f}M parameters, "
        f"{' x '.join(map(str, setup.built.preprocessing.size))} pixels, on {escape(setup.machine)}"
    )
    say(f"{escape(setup.splits.train.name)}: {images} images, {len(setup.classes)} classes")
    for note in setup.built.notes:
        say(escape(note))
    left = len(setup.splits.train) - plan.steps_per_epoch * plan.split.batch
    say(
        f"{counted(plan.epochs, 'epoch')} of {counted(plan.steps_per_epoch, 'step')} = {plan.steps:,} steps; a batch "
        f"of {plan.split.batch} is {plan.split}; an epoch leaves {counted(left, 'image')} out, others each time"
    )


def _groups(optimizer: optim.Optimizer) -> None:
    rows = [
        (f"{scale:.4g}", f"{decay:g}", f"{tensors:,}", f"{numbers:,}")
        for scale, decay, tensors, numbers in parameter_groups(optimizer)
    ]
    table("Parameter groups", ("lr scale", "weight decay", "tensors", "parameters"), rows)


def _schedule(setup: RunSetup, plan: TrainingPlan, stepper: Stepper, picture: Path | None) -> None:
    _, few = rates(stepper, plan, _POINTS)
    epochs, many = rates(stepper, plan, 500)
    place = many.index(max(many))
    say(f"learning rate  {sparkline(few)}")
    say(
        f"               {many[0]:.3g} at first, {many[place]:.3g} in epoch {epochs[place]:.1f}, {many[-1]:.3g} at last"
    )
    if picture is not None:
        from parcnet.plots import learning_rates  # here: matplotlib is loaded when a picture is drawn

        learning_rates(epochs, many, f"{setup.recipe.name}: {plan.steps:,} steps", picture)
        say(f"drawn in {escape(str(picture))}")


def _time(found: Forecast) -> None:
    scaled = "" if found.images == found.batch else f", from one with {counted(found.images, 'image')}"
    who = f"{counted(found.readers, 'worker')}" if found.readers else "the process that trains"
    say(
        f"a step computes {_clock(found.step)}{scaled}; {who} would read its images in {_clock(found.reading)} "
        f"({1 / found.read:.0f} images a second on a core)"
    )
    say(f"[bold]expected time: {_clock(found.seconds)}[/bold] on this machine, without validation")
    if found.reading_limits:
        say("Reading limits: more --workers if there are idle cores, or see docs/training_at_scale.md.")


def _clock(seconds: float) -> str:
    if seconds < 1:
        return f"{1e3 * seconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours < 72 else f"{hours / 24:,.0f} days"
