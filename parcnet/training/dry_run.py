"""The plan of a run without training: recipe, parameter groups, schedule, steps and expected time."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from torch import optim

from parcnet.base import UserError, counted, next_steps, pick_device, say, table
from parcnet.data import preserved_randomness
from parcnet.recipes import Recipe, to_yaml
from parcnet.training.distributed.process_group import ProcessGroup, launch_environment
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.loop.step import Stepper
from parcnet.training.loop.threads import cpu_threads
from parcnet.training.run.folder import run_folder
from parcnet.training.setup.forecast import Forecast, forecast
from parcnet.training.setup.prepare import RunSetup, prepare
from parcnet.training.setup.stepper import make_stepper

_BARS = "▁▂▃▄▅▆▇█"
_POINTS = 60
"""Length of the sparkline in characters."""


def dry_run(recipe: Recipe, command: str, picture: Path | None = None) -> Forecast:
    """Prints the plan of `train(recipe)` and plots its schedule into `picture`, without creating a run folder.

    Opens the data, builds the network and takes a few steps, so that every error that `train` finds before its first
    step is found here. Raises `UserError`. For a single process, since torchrun would split the batch.
    """
    if launch_environment().world > 1:
        raise UserError("--dry-run needs a single process: run it without torchrun. Steps and schedule are the same.")
    with preserved_randomness(), cpu_threads(recipe.run.threads):
        run_folder(recipe).check_empty()
        setup = prepare(recipe, ProcessGroup(), pick_device(recipe.run.device))
        stepper = make_stepper(setup)
        say(escape(to_yaml(recipe)))
        _print_setup(setup, setup.plan)
        _print_groups(stepper.optimizer)
        _print_schedule(setup, setup.plan, stepper, picture)
        expected = forecast(setup, stepper)
        _print_forecast(expected)
    next_steps([(command, "starts this run")])
    return expected


def parameter_groups(optimizer: optim.Optimizer) -> list[tuple[float, float, int, int]]:
    """(lr scale, weight decay, tensors, parameters) per group; groups with equal settings are merged."""
    tensors: Counter[tuple[float, float]] = Counter()
    numbers: Counter[tuple[float, float]] = Counter()
    for group in optimizer.param_groups:
        key = (group.get("lr_scale", 1.0), group["weight_decay"])
        tensors[key] += len(group["params"])
        numbers[key] += sum(parameter.numel() for parameter in group["params"])
    return [(*key, tensors[key], numbers[key]) for key in sorted(tensors)]


def sampled_learning_rates(stepper: Stepper, plan: TrainingPlan, points: int) -> tuple[list[float], list[float]]:
    """(epochs, learning rates) at about `points` evenly spaced steps, including the first and the last."""
    last = plan.steps - 1
    steps = sorted({round(point * last / max(points - 1, 1)) for point in range(points)})
    learning_rates = []
    for step in steps:
        stepper.schedule.step_update(step)
        learning_rates.append(stepper.lr)
    return [step / plan.steps_per_epoch for step in steps], learning_rates


def sparkline(values: Sequence[float]) -> str:
    """One bar character per value, in eighths of the largest value."""
    largest = max(values)
    return "".join(_BARS[round(value / largest * (len(_BARS) - 1)) if largest > 0 else 0] for value in values)


def _print_setup(setup: RunSetup, plan: TrainingPlan) -> None:
    images = ", ".join(f"{count:,} {name}" for name, count in setup.splits.sizes.items())
    say(
        f"{escape(setup.recipe.network.model)}: {setup.parameters / 1e6:.2f}M parameters, "
        f"{' x '.join(map(str, setup.built.preprocessing.size))} pixels, on {escape(setup.machine)}"
    )
    say(f"{escape(setup.splits.train.name)}: {images} images, {len(setup.classes)} classes")
    for note in setup.built.notes:
        say(escape(note))
    dropped = len(setup.splits.train) - plan.steps_per_epoch * plan.split.batch
    say(
        f"{counted(plan.epochs, 'epoch')} of {counted(plan.steps_per_epoch, 'step')} = {plan.steps:,} steps; a batch "
        f"of {plan.split.batch} is {plan.split}; each epoch drops {counted(dropped, 'image')} at random"
    )


def _print_groups(optimizer: optim.Optimizer) -> None:
    rows = [
        (f"{scale:.4g}", f"{decay:g}", f"{tensors:,}", f"{numbers:,}")
        for scale, decay, tensors, numbers in parameter_groups(optimizer)
    ]
    table("Parameter groups", ("lr scale", "weight decay", "tensors", "parameters"), rows)


def _print_schedule(setup: RunSetup, plan: TrainingPlan, stepper: Stepper, picture: Path | None) -> None:
    _, coarse = sampled_learning_rates(stepper, plan, _POINTS)
    epochs, fine = sampled_learning_rates(stepper, plan, 500)
    peak = fine.index(max(fine))
    say(f"learning rate  {sparkline(coarse)}")
    peak_rate = f"{fine[peak]:.3g} at epoch {epochs[peak]:.1f}"
    say(f"               {fine[0]:.3g} at the start, {peak_rate}, {fine[-1]:.3g} at the end")
    if picture is not None:
        from parcnet.plots import learning_rates  # here: matplotlib is loaded when a picture is drawn

        learning_rates(epochs, fine, f"{setup.recipe.name}: {plan.steps:,} steps", picture)
        say(f"drawn in {escape(str(picture))}")


def _print_forecast(expected: Forecast) -> None:
    scaled = "" if expected.images == expected.batch else f" (scaled from {counted(expected.images, 'image')})"
    who = counted(expected.workers, "worker") if expected.workers else "the main process"
    say(
        f"a step takes {_clock(expected.step_seconds)}{scaled}; reading its images by {who} takes "
        f"{_clock(expected.reading_seconds)} ({1 / expected.image_seconds:.0f} images/s per core)"
    )
    say(f"[bold]expected time: {_clock(expected.seconds)}[/bold] on this machine, without validation")
    if expected.input_bound:
        say("Training will wait for images: use more --workers if cores are idle, or see docs/training_at_scale.md.")


def _clock(seconds: float) -> str:
    if seconds < 1:
        return f"{1e3 * seconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours < 72 else f"{hours / 24:,.0f} days"
