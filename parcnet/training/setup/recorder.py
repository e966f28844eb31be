"""Setup, plan and the state to resume from -> the recorder of the run."""

from typing import Any

import torch

from parcnet.base import versions
from parcnet.data import SupportsEpochOrder
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.loop.progress import Progress
from parcnet.training.loop.step import Stepper
from parcnet.training.run.portable_recipe import portable_recipe
from parcnet.training.run.recorder import RunRecorder
from parcnet.training.run.same_run import check_same_run
from parcnet.training.run.start import RunStart
from parcnet.training.run.state import TrainingState, parse_state, restore
from parcnet.training.run.trackers import open_trackers
from parcnet.training.setup.prepare import RunSetup


def make_recorder(
    setup: RunSetup, plan: TrainingPlan, stepper: Stepper, start: RunStart
) -> tuple[RunRecorder, list[str]]:
    """(the recorder, at the progress where the run resumes; changes since then on which losses depend).

    Restores the main rank's state into every rank's `stepper`; writes nothing. Raises `UserError` when the state
    belongs to another run.
    """
    identity = run_identity(setup, plan)
    state = _shared_state(setup, start)
    progress, changes, log_lengths = Progress(), [], {}
    if state is not None:
        changes = check_same_run(setup.recipe, identity, state)
        progress, log_lengths = restore(stepper, state), state.values["logs"]
    recorder = RunRecorder(start.folder, stepper, plan, identity, setup.task.best.name, progress, log_lengths)
    return recorder, changes


def begin(setup: RunSetup, recorder: RunRecorder) -> None:
    """On the main rank: writes the recipe, removes what a killed run left after its last state, opens trackers."""
    if not setup.group.main:
        return
    recorder.resume()
    recorder.folder.begin(setup.recipe)
    recipe, run = portable_recipe(setup.recipe), setup.recipe.run
    recorder.trackers = open_trackers(run.track, recorder.folder.path, setup.recipe.name, recipe, recorder.steps_taken)


def run_identity(setup: RunSetup, plan: TrainingPlan) -> dict[str, Any]:
    """What a training state says of its run: it resumes only that one."""
    return {
        "recipe": portable_recipe(setup.recipe),
        "classes": list(setup.classes),
        "images": setup.splits.sizes,
        "own_order": _has_own_order(setup.splits.train),
        "steps_per_epoch": plan.steps_per_epoch,
        "world": str(plan.split),
        "machine": setup.machine(),
        "versions": versions(),
    }


def _has_own_order(images: object) -> bool:
    """Whether the data set the order they are read in, as shards from the web do: it changes every step's images."""
    return isinstance(images, SupportsEpochOrder) and images.order(torch.Generator()) is not None


def _shared_state(setup: RunSetup, start: RunStart) -> TrainingState | None:
    """The main rank's state on every rank."""
    group = setup.group
    if group.world == 1:
        return start.state
    own = b"" if start.state is None else start.state.content
    content = group.broadcast(own if group.main else None)
    if group.main or not content:
        return start.state
    return parse_state(content, "the main rank's training state")
