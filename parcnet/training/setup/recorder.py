"""Setup and the state to resume from -> recorder."""

from typing import Any

import torch

from parcnet.base import versions
from parcnet.data import SupportsEpochOrder
from parcnet.training.loop.progress import Progress
from parcnet.training.loop.step import Stepper
from parcnet.training.run.recorder import RunRecorder
from parcnet.training.run.same_run import check_same_run
from parcnet.training.run.start import RunStart
from parcnet.training.run.state import restore
from parcnet.training.setup.prepare import RunSetup


def make_recorder(setup: RunSetup, stepper: Stepper, start: RunStart) -> tuple[RunRecorder, list[str]]:
    """(the recorder with the progress to resume from, changes since the state was saved that affect rounding).

    Loads the state into `stepper`; writes nothing. Raises `UserError` if the state belongs to another run.
    """
    identity, state = run_identity(setup), start.state
    progress, changes, log_lengths = Progress(), [], {}
    if state is not None:
        changes = check_same_run(setup.recipe, identity, state)
        progress, log_lengths = restore(stepper, state), state.values["logs"]
    recorder = RunRecorder(start.folder, stepper, setup.plan, identity, setup.task.best.name, progress, log_lengths)
    return recorder, changes


def run_identity(setup: RunSetup) -> dict[str, Any]:
    """JSON values that identify the run in its states, which can resume no other run."""
    return {
        "recipe": setup.plan.metadata.recipe,
        "classes": list(setup.classes),
        "images": setup.splits.sizes,
        "own_order": _has_own_order(setup.splits.train),
        "steps_per_epoch": setup.plan.steps_per_epoch,
        "world": str(setup.plan.split),
        "machine": setup.machine,
        "versions": versions(),
    }


def _has_own_order(images: object) -> bool:
    """Whether the data set determines the reading order, as remote shards do; it changes the images of every step."""
    return isinstance(images, SupportsEpochOrder) and images.order(torch.Generator()) is not None
