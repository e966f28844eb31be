"""Setup and the state to resume from -> recorder."""

import secrets
from typing import Any

import torch

from parcnet import checkpoint
from parcnet.base import versions
from parcnet.base.machine import device_name
from parcnet.data import SupportsEpochOrder
from parcnet.data.fingerprint import fingerprint
from parcnet.training.loop.progress import Progress
from parcnet.training.loop.step import Stepper
from parcnet.training.run.ownership import LogHashes, check_files
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
    progress, changes, log_lengths, hashes = Progress(), [], {}, LogHashes()
    if state is not None:
        changes = check_same_run(setup.recipe, identity, state)
        if setup.group.main:
            check_files(start.folder, state, hashes)
        # a state of parcnet 1.0 has no such identity: its files are never compared
        identity |= {name: state.values.get(name, "") for name in ("run", "start")}
        progress, log_lengths = restore(stepper, state), state.values["logs"]
    metric = setup.task.best.name
    recorder = RunRecorder(start.folder, stepper, setup.plan, identity, metric, progress, log_lengths, hashes)
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
        "processor": f"{device_name(torch.device('cpu'))}, {torch.backends.cpu.get_cpu_capability()}",
        "versions": versions(),
        "data": {name: fingerprint(images) for name, images in setup.splits.named.items()},
        "run": secrets.token_hex(16),
        "start": _initial_weights(setup),
    }


def _initial_weights(setup: RunSetup) -> str:
    """The checksum of the checkpoint that the weights started from; empty for none."""
    path = setup.recipe.network.initial_checkpoint
    return "" if path is None else checkpoint.read_provenance(path).digest or ""


def _has_own_order(images: object) -> bool:
    """Whether the data set determines the reading order, as remote shards do; it changes the images of every step."""
    return isinstance(images, SupportsEpochOrder) and images.order(torch.Generator()) is not None
