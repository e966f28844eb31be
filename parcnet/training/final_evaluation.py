"""Final evaluation: metrics of the best checkpoint on validation and test split, pictures, result.json."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from parcnet import checkpoint
from parcnet.base import versions
from parcnet.tasks.predictor import torch_predictor
from parcnet.tasks.scores import Scores
from parcnet.training.loop.log_lines import EpochLog
from parcnet.training.loop.precision import autocast_dtype
from parcnet.training.run.folder import RunFolder
from parcnet.training.run.recorder import RunRecorder
from parcnet.training.setup.prepare import RunSetup


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The result of a run."""

    folder: RunFolder
    best: EpochLog
    """The epoch selected on validation."""
    val: Scores
    """Validation metrics of the best checkpoint."""
    test: Scores | None
    """Test metrics of the best checkpoint; None without a test split."""
    pictures: tuple[Path, ...]
    """The files that the main rank has drawn."""


def evaluate_best(setup: RunSetup, recorder: RunRecorder, command: str, started: float) -> TrainingResult:
    """Evaluates the best checkpoint on disk, draws the run's pictures and writes result.json.

    Each rank evaluates its part; the main rank draws and writes. `started` is the start of the run by
    `time.perf_counter`. Afterwards the network has the best weights.
    """
    assert recorder.best is not None, "no epoch was completed"
    task, group, plan, folder = setup.task, setup.group, setup.plan, recorder.folder
    _load_best(setup.built.network, folder, group.world, main=group.main)
    pictures: list[Path] = []
    with torch_predictor(setup.built.network, setup.device, autocast_dtype(setup.recipe.run.amp)) as predictor:
        val = task.evaluate(predictor, plan.validation, plan.metadata, group)
        test = None if plan.test is None else task.evaluate(predictor, plan.test, plan.metadata, group)
        if group.main:
            pictures = [_draw_curves(setup, recorder)]
            images = setup.splits.val if setup.splits.test is None else setup.splits.test
            pictures += task.draw_run(predictor, images, plan.metadata, test or val, folder.path)
    result = TrainingResult(folder, recorder.best, val, test, tuple(pictures))
    if group.main:
        folder.finish(_result_values(setup, result, command, time.perf_counter() - started))
    return result


def _result_values(setup: RunSetup, result: TrainingResult, command: str, seconds: float) -> dict[str, Any]:
    """The content of result.json."""
    return {
        "recipe": setup.recipe.name,
        "model": setup.recipe.network.model,
        "parameters": setup.parameters,
        "data": setup.splits.train.name,
        "images": setup.splits.sizes,
        "classes": len(setup.classes),
        "best_epoch": result.best.epoch,
        "val": result.val.metrics(),
        "test": None if result.test is None else result.test.metrics(),
        "seconds": round(seconds, 1),
        "processes": setup.group.world,
        "machine": setup.machine,
        "command": command,
        "versions": versions(),
    }


def _load_best(network: nn.Module, folder: RunFolder, world: int, *, main: bool) -> None:
    """Loads the best weights from the main rank's disk, which the other ranks need not share."""
    if main:
        network.load_state_dict(checkpoint.read(folder.best).weights)
    if world > 1:
        for tensor in network.state_dict().values():
            torch.distributed.broadcast(tensor, 0)


def _draw_curves(setup: RunSetup, recorder: RunRecorder) -> Path:
    from parcnet.plots import training_curves  # here: matplotlib is loaded when a picture is drawn

    metric, path = setup.task.best, recorder.folder.curve
    lines = [line.to_dict() for line in recorder.log]
    training_curves(lines, path, f"val_{metric.name}", f"validation {metric.title} (%)")
    return path
