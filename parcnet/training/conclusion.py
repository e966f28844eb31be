"""The end of a run: the best checkpoint meets the test split, once; figures and pictures are written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from parcnet import checkpoint
from parcnet.base import versions
from parcnet.evaluation import torch_predictor
from parcnet.plots import training_curves
from parcnet.training.setup.batches import evaluation_batches
from parcnet.training.setup.prepare import Job
from parcnet.training.run.recorder import Keeper
from parcnet.training.loop.log_lines import EpochLog
from parcnet.training.setup.plan import Plan
from parcnet.training.run.folder import RunFolder
from parcnet.training.loop.step import autocast_dtype
from parcnet.tasks import Scores


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    folder: RunFolder
    best: EpochLog
    """The epoch that validation chose."""
    val: Scores
    """Of that epoch's checkpoint."""
    test: Scores | None
    """Of the same checkpoint; None when the data has no test split."""
    pictures: tuple[Path, ...]
    """Drawn by the main rank."""


def conclude(job: Job, plan: Plan, keeper: Keeper) -> Outcome:
    """Evaluates the best checkpoint as it lies on the disk and draws the run's pictures.

    All ranks evaluate, each its part; the main rank draws. The network holds the best weights afterwards.
    """
    assert keeper.best is not None, "there is no epoch to conclude"
    task, network, preprocessing, ranks = job.task, job.built.network, job.built.preprocessing, job.ranks
    pictures: list[Path] = []
    _load_best(network, job)
    shown = job.splits.val if job.splits.test is None else job.splits.test
    with torch_predictor(network, job.device, autocast_dtype(job.recipe.run.amp)) as predictor:
        val, test = (
            None
            if images is None
            else task.evaluate(
                predictor,
                evaluation_batches(task, images, preprocessing, plan.share.micro, ranks),
                plan.num_classes,
                ranks,
            )
            for images in (job.splits.val, job.splits.test)
        )
        assert val is not None
        if ranks.main:
            chosen = task.chosen
            lines = [line.to_dict() for line in keeper.log]
            training_curves(lines, job.folder.curve, f"val_{chosen.name}", f"validation {chosen.title} (%)")
            pictures = [job.folder.curve, *task.draw(predictor, job, shown, test or val)]
    return Outcome(job.folder, keeper.best, val, test, tuple(pictures))


def _load_best(network: nn.Module, job: Job) -> None:
    """From the main rank's disk; the other ranks need not see it."""
    if job.ranks.main:
        network.load_state_dict(checkpoint.read(job.folder.best).weights)
    if job.ranks.world > 1:
        for tensor in network.state_dict().values():
            torch.distributed.broadcast(tensor, 0)


def result(job: Job, outcome: Outcome, command: str, seconds: float) -> dict[str, Any]:
    """The content of result.json."""
    return {
        "recipe": job.recipe.name,
        "model": job.recipe.network.model,
        "parameters": job.parameters,
        "data": job.splits.train.name,
        "images": job.splits.sizes,
        "classes": len(job.classes),
        "best_epoch": outcome.best.epoch,
        "val": outcome.val.metrics(),
        "test": None if outcome.test is None else outcome.test.metrics(),
        "seconds": round(seconds, 1),
        "processes": job.ranks.world,
        "machine": job.machine(),
        "command": command,
        "versions": versions(),
    }
